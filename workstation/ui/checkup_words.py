"""A check-up in words: what each part is called, what was found with its figures, what to do about it. No Qt."""

from __future__ import annotations

from drivers.errors import ErrorCode
from workstation.site.readings import unit_of
from workstation.site.selfcheck import CheckupItem, CheckupKind, CheckupVerdict
from workstation.ui.messages import Messages

_MIB = 1 << 20
_GIB = 1 << 30
_LONG_S = 120.0
"""From here on a time is told in minutes and hours."""


class CheckupWords:
    """Puts items of a check-up into words. What a newer part of the program added is named as it names itself."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def __call__(self, item: CheckupItem) -> CheckupItem:
        """Return the item with its words."""
        part = self.part(item.kind)
        if item.subject:
            part = self._messages.text("checkup.part_of", part=part, subject=item.subject)
        return item.model_copy(update={"part": part, "found": self._found(item), "fix": self._fix(item)})

    def part(self, kind: CheckupKind) -> str:
        """Return what a part is called."""
        return self._known(f"checkup_part.{kind}") or str(kind)

    def _found(self, item: CheckupItem) -> str:
        words = self._messages.title(ErrorCode(item.code)) if item.code else self._reason(item)
        figures = self._messages.text("checkup.join").join(self._figures(item))
        return self._messages.text("checkup.found", words=words, figures=figures) if figures else words

    def _reason(self, item: CheckupItem) -> str:
        return self._known(f"checkup_reason.{item.reason}") or item.reason

    def _fix(self, item: CheckupItem) -> str:
        if item.verdict not in {CheckupVerdict.WARN, CheckupVerdict.FAIL}:
            return ""
        if item.code:
            own = self._known(f"checkup_fix.{item.kind}-{item.code}")
            return own or self._messages.admin(ErrorCode(item.code))
        own = self._known(f"checkup_fix.{item.kind}-{item.reason}")
        return own or self._known(f"checkup_fix.{item.reason}")

    def _figures(self, item: CheckupItem) -> list[str]:
        """Return the figures that have a name for people, in the order of the names."""
        named = ((self._known(f"checkup_value.{name}"), name, value) for name, value in sorted(item.values.items()))
        return [
            self._messages.text("checkup.figure", name=words, value=self._value(name, value))
            for words, name, value in named
            if words
        ]

    def _value(self, name: str, value: float) -> str:
        match unit_of(name):
            case "s" if value >= _LONG_S:
                return self._messages.duration(int(value // 60))
            case "s" if abs(value) < 1:
                return self._messages.text("checkup.milliseconds", value=f"{value * 1000:.0f}")
            case "s":
                return self._messages.text("checkup.seconds", value=f"{value:.1f}")
            case "ms":
                return self._messages.text("checkup.milliseconds", value=f"{value:.0f}")
            case "By":
                return f"{value / _GIB:.1f} GiB" if value >= _GIB else f"{value / _MIB:.0f} MiB"
            case "1":
                return f"{round(value, 1):g}"
            case "Cel":
                return f"{value:.0f} °C"
            case unit:
                return f"{value:.0f} {unit}"

    def _known(self, key: str) -> str:
        return self._messages.text(key) if key in self._messages.keys else ""
