"""How far a check-up is: what the screen shows of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workstation.site.selfcheck import CheckupItem, CheckupKind, CheckupVerdict


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A check-up on its way, or over.

    Attributes:
        plan: what is looked at, in the order of the screen.
        items: what was found so far, in that order.
        verdict: of the whole, ``None`` until it is over.
    """

    plan: tuple[CheckupKind, ...]
    items: tuple[CheckupItem, ...] = ()
    verdict: CheckupVerdict | None = None

    @property
    def waiting(self) -> tuple[CheckupKind, ...]:
        """What has not answered yet."""
        answered = {item.kind for item in self.items}
        return tuple(kind for kind in self.plan if kind not in answered)

    def with_items(self, items: tuple[CheckupItem, ...]) -> Progress:
        """Return the progress after another probe has answered."""
        return replace(self, items=tuple(sorted((*self.items, *items), key=lambda item: self.plan.index(item.kind))))
