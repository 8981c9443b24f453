"""The lines between header and screen: the administrator's notice and what is wrong with the booth."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.health.outages import OutageClock
from workstation.health.shutdown import COUNTING, PowerPhase
from workstation.journey.events import Intent
from workstation.journey.states import CardProblem, Evaluating, Idle, ReadingCard
from workstation.site.outages import OutageKind
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages, clock
from workstation.ui.theme import Theme, Tone
from workstation.ui.views import PowerView, Scene
from workstation.ui.widgets.basics import Banner, Button

_MOST_SHOWN: Final = 3

_LOOKS: Final = {
    ErrorCode.DEVICE_NOT_REGISTERED: (Tone.BAD, Icon.WARNING),
    ErrorCode.BATTERY_LOW: (Tone.BAD, Icon.BATTERY),
    ErrorCode.NETWORK_DOWN: (Tone.WARN, Icon.NETWORK),
    ErrorCode.MAIN_SITE_UNREACHABLE: (Tone.WARN, Icon.NETWORK),
    ErrorCode.MAIN_SITE_NOT_TRUSTED: (Tone.BAD, Icon.LOCK),
    ErrorCode.MAIN_SITE_SIGNED_OUT: (Tone.WARN, Icon.ENTER),
    ErrorCode.SEAT_SEVERAL: (Tone.WARN, Icon.PERSONS),
    ErrorCode.SEAT_LEFT: (Tone.WARN, Icon.SEAT),
    ErrorCode.CAMERA_LOST: (Tone.WARN, Icon.CAMERA),
    ErrorCode.CAMERA_COVERED: (Tone.WARN, Icon.CAMERA),
    ErrorCode.ANONYMITY_NOT_READY: (Tone.BAD, Icon.SHIELD),
    ErrorCode.CONFERENCE_LOST: (Tone.WARN, Icon.PERSONS),
    ErrorCode.ON_BATTERY: (Tone.WARN, Icon.BATTERY),
    ErrorCode.HEADSET_LOST: (Tone.WARN, Icon.HEADSET),
    ErrorCode.HEADSET_ABSENT: (Tone.WARN, Icon.HEADSET),
    ErrorCode.MICROPHONE_SILENT: (Tone.WARN, Icon.HEADSET),
    ErrorCode.STORAGE_FULL: (Tone.INFO, Icon.STORAGE),
}
"""Conditions that concern the expert during the evaluation, the most pressing first."""

_HIDDEN_BY: Final = {
    ErrorCode.ON_BATTERY: ErrorCode.BATTERY_LOW,
    ErrorCode.MAIN_SITE_UNREACHABLE: ErrorCode.NETWORK_DOWN,
    ErrorCode.HEADSET_ABSENT: ErrorCode.HEADSET_LOST,
}
"""A condition that says nothing new while a greater one lasts."""

_ON_EVERY_SCREEN: Final = frozenset({ErrorCode.DEVICE_NOT_REGISTERED})
"""What whoever sits there must undo at once, wherever the journey stands."""


_CLOCKS: Final = {
    ErrorCode.BATTERY_LOW: OutageKind.MAINS,
    ErrorCode.ON_BATTERY: OutageKind.MAINS,
    ErrorCode.NETWORK_DOWN: OutageKind.MAIN_SITE,
    ErrorCode.MAIN_SITE_UNREACHABLE: OutageKind.MAIN_SITE,
    ErrorCode.CONFERENCE_LOST: OutageKind.CONFERENCE,
}
"""The clock that belongs into the banner of a condition."""

_BACK: Final = {
    OutageKind.MAINS: ("outage.mains_back", Icon.POWER_PLUG),
    OutageKind.MAIN_SITE: ("outage.main_site_back", Icon.NETWORK),
    OutageKind.CONFERENCE: ("outage.conference_back", Icon.PERSONS),
}
"""What is said for a while when a clock stopped. The site server's is the administrator's matter."""


_LOW: Final = frozenset({PowerPhase.LOW, *COUNTING})


def banner_codes(scene: Scene) -> tuple[ErrorCode, ...]:
    """Return the conditions that get a banner: most only in the evaluation; other screens speak for themselves."""
    state = scene.journey.state
    if scene.power.is_closing:
        return ()
    if isinstance(state, Idle | ReadingCard | CardProblem):
        # The sign-in screen says itself, large, what is wrong; that the booth powers off concerns whoever comes.
        return (ErrorCode.BATTERY_LOW,) if scene.power.phase in COUNTING else ()
    raised = scene.journey.conditions
    if scene.power.phase in _LOW:
        raised |= {ErrorCode.BATTERY_LOW}  # also when the UPS has gone silent by now
    raised = raised | state.notices if isinstance(state, Evaluating) else raised & _ON_EVERY_SCREEN
    if scene.power.phase in COUNTING:
        raised |= {ErrorCode.BATTERY_LOW}
    return tuple(code for code in _LOOKS if code in raised and _HIDDEN_BY.get(code) not in raised)[:_MOST_SHOWN]


class Banners(QWidget):
    """Stacks the banners; they push the screen down and never cover the page.

    Signals:
        pressed(Intent): the administrator's notice was read.
    """

    pressed = Signal(object)

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self._theme = theme
        self._messages = messages
        self._conditions: dict[ErrorCode, Banner] = {}
        self._message = Banner(theme)
        self.read = Button(theme, messages.text("message.read"))
        self.read.clicked.connect(self._on_read_clicked)
        self._message.row.addWidget(self.read)
        self._message.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._message)
        self._returns = {outage: Banner(theme) for outage in _BACK}
        for banner in self._returns.values():
            banner.hide()
            self._column.addWidget(banner)

    def show_scene(self, scene: Scene) -> None:
        """Show the notice that was not read yet, and the conditions."""
        words, message = self._messages, scene.journey.message
        self._message.setVisible(bool(message))
        if message:
            content = words.text("message.line", text=message)
            self._message.show_notice(content, Tone.INFO, Icon.MESSAGE)
        self._show_returns(scene)
        codes = banner_codes(scene)
        for code in [code for code in self._conditions if code not in codes]:
            banner = self._conditions.pop(code)
            self._column.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
        for at, code in enumerate(codes):
            if code not in self._conditions:
                self._conditions[code] = Banner(self._theme)
                self._column.insertWidget(at + 1, self._conditions[code])
                self._conditions[code].show()
            tone, icon = _LOOKS[code]
            clocks = {item.outage: item for item in scene.outages if not item.is_over}
            running = clocks.get(_CLOCKS[code]) if code in _CLOCKS else None
            sentence, detail = self._sentence(scene, code, running), self._rule(code, running)
            if code is ErrorCode.ON_BATTERY:
                detail = " · ".join(part for part in (self._endurance(scene.power), detail) if part)
            self._conditions[code].show_notice(sentence, tone, icon, code, detail)

    def _sentence(self, scene: Scene, code: ErrorCode, running: OutageClock | None) -> str:
        words, minutes, policy = self._messages, scene.status.minutes_left, scene.journey.seat_policy
        facts = {
            "clock": clock(0 if running is None else running.seconds),
            "left": "" if minutes is None else words.duration(minutes),
            "limit": words.limit(policy.camera_lock_s) if policy.watch else "",
        }
        if code is ErrorCode.BATTERY_LOW and scene.power.phase in COUNTING:
            return words.text("power.closing", clock=clock(scene.power.off_in_s))
        return words.expert(code, "evaluation", **facts)

    def _endurance(self, power: PowerView) -> str:
        """Return until when the battery lasts, and whether that is enough."""
        words = self._messages
        if not power.until:
            return ""
        if power.verdict is None:
            return words.text("power.until", until=power.until)
        key = "power.until_rule" if power.is_rule else "power.until_end"
        verdict = words.text(f"power_verdict.{power.verdict}")
        return words.text(key, until=power.until, needed=power.needed, verdict=verdict)

    def _rule(self, code: ErrorCode, running: OutageClock | None) -> str:
        """Return the line below: the clock, unless the sentence has it, and what the local rule says of it."""
        if running is None:
            return ""
        words, parts = self._messages, list[str]()
        if not words.is_timed(code):
            parts.append(words.text("outage.lasts", clock=clock(running.seconds)))
        if running.reached is not None:
            length = words.duration(round(running.reached.after_s / 60))
            parts.append(words.text("outage.reached", length=length, rule=running.reached.text))
        if running.coming is not None:
            length = words.duration(round(running.coming.after_s / 60))
            facts = {"length": length, "rule": running.coming.text, "left": clock(running.left_s)}
            parts.append(words.text("outage.coming", **facts))
        return " · ".join(parts)

    def _show_returns(self, scene: Scene) -> None:
        """Say for a while what is back, each in a banner of its own: two lights may come back together."""
        over = {item.outage: item for item in scene.outages if item.is_over and item.outage in _BACK}
        is_shown = isinstance(scene.journey.state, Evaluating)
        for outage, banner in self._returns.items():
            banner.setVisible(is_shown and outage in over)
            if is_shown and outage in over:
                key, icon = _BACK[outage]
                length = self._messages.length(over[outage].seconds)
                code = ErrorCode.MAINS_BACK if outage is OutageKind.MAINS else ""
                banner.show_notice(self._messages.text(key, length=length), Tone.OK, icon, code)

    def _on_read_clicked(self) -> None:
        self.pressed.emit(Intent.MESSAGE_READ)
