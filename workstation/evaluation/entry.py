"""What opens the main site once: the signed pack, and a ticket or an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from kiosk_config.pack.model import MainSitePack


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
