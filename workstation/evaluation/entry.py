"""What opens the main site once: the signed pack, and a ticket or an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from kiosk_config.pack.model import AccountForm, Launch, MainSitePack


@dataclass(frozen=True, kw_only=True)
class Account:
    """User name and password that the main site gave to this expert."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One way in, used up by one launch. Which of ``ticket`` and ``account`` counts is the pack's launch kind."""

    pack: MainSitePack
    ticket: str = field(default="", repr=False)
    account: Account | None = field(default=None, repr=False)

    @property
    def way_in(self) -> Launch:
        """The pack's launch, or its fallback when an account is at hand and the launch takes a ticket."""
        if self.account is not None and self.pack.fallback is not None:
            return self.pack.fallback
        return self.pack.launch

    @property
    def form(self) -> AccountForm | None:
        """The login form to type into, ``None`` when a ticket opens the door."""
        return self.way_in if isinstance(self.way_in, AccountForm) else None
