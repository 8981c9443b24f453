"""The frame around every screen: header with place and status, drill band, footer with the ways to get help."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt, QTime, Signal
from PySide6.QtGui import QBrush, QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from workstation.conference.pane import Monitoring, Pane
from workstation.journey.events import Intent
from workstation.journey.states import Evaluating, Idle, OutOfService
from workstation.site.readings import ReadingState
from workstation.ui.icons import Icon, paint
from workstation.ui.messages import Messages, clock
from workstation.ui.notices import leave_key
from workstation.ui.theme import TONES, Color, Role, Theme, Tone
from workstation.ui.views import BoothView, PowerView, Scene, StatusView
from workstation.ui.widgets.basics import Button, IconMark, Kind, Tag, label, text

_STATE_TONES: Final = {
    ReadingState.OK: Tone.OK,
    ReadingState.WARN: Tone.WARN,
    ReadingState.BAD: Tone.BAD,
    ReadingState.UNKNOWN: Tone.QUIET,
}

_WATCHED: Final = {
    (Monitoring.RUNNING, True): ("conference.monitored_recorded", Tone.WARN),
    (Monitoring.RUNNING, False): ("conference.monitored", Tone.WARN),
    (Monitoring.OFF, True): ("conference.recorded", Tone.WARN),
    (Monitoring.BROKEN, True): ("conference.monitoring_broken", Tone.BAD),
    (Monitoring.BROKEN, False): ("conference.monitoring_broken", Tone.BAD),
}


class Mark(QWidget):
    """The product's mark: the logo on a blue field."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._radius = theme.px(10)
        self.setFixedSize(theme.px(40), theme.px(40))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mark."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gradient = QLinearGradient(0, 0, self.width(), self.height())
        gradient.setColorAt(0, QColor("#3C82F6"))
        gradient.setColorAt(1, QColor(Color.BRAND))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(gradient))
        painter.drawRoundedRect(self.rect(), self._radius, self._radius)
        side = round(self.width() * 0.7)
        corner = (self.width() - side) / 2
        paint(painter, Icon.LOGO, QRectF(corner, corner, side, side), Color.SURFACE)
        painter.end()


class StatusChip(QWidget):
    """Icon, word and colour: the colour only repeats what the word says."""

    def __init__(self, theme: Theme, icon: Icon) -> None:
        super().__init__()
        self._icon = icon
        self._mark = IconMark(icon, theme.text(22), Color.BAR_TEXT)
        self._caption = label()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(8))
        row.addWidget(self._mark)
        row.addWidget(self._caption)

    def show_state(self, caption: str, tone: Tone, icon: Icon | None = None) -> None:
        """Show another word and tone, and another icon if given."""
        self._caption.setText(caption)
        self._mark.set_icon(icon or self._icon, TONES[tone].on_bar)


class Header(QFrame):
    """Where this is, how network, power and devices are, and the time."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setFixedHeight(theme.px(72))
        self._messages = messages
        self._is_tight = theme.large_text
        self._place = label(name="place")
        self._place.setWordWrap(True)
        self._place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._booth = label(name="booth")
        self._network = StatusChip(theme, Icon.NETWORK)
        self._power = StatusChip(theme, Icon.POWER_PLUG)
        self._devices = StatusChip(theme, Icon.CHECK)
        self._session = StatusChip(theme, Icon.PERSON)
        self._clock = label(name="clock")
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(32), 0, theme.px(32), 0)
        row.setSpacing(theme.px(18 if theme.large_text else 24))
        row.addWidget(Mark(theme))
        row.addWidget(label(messages.text("app.product"), name="product"))
        row.addWidget(self._booth)
        row.addWidget(self._place, 1000)
        row.addStretch(1)
        for part in (self._network, self._power, self._devices, self._session, self._clock):
            row.addWidget(part)

    def show_scene(self, scene: Scene) -> None:
        """Show place and status; in an evaluation the elapsed time replaces the devices while they are well."""
        self._show_place(scene.booth)
        self._show_network(scene.status)
        self._show_power(scene.status, scene.power)
        devices_good = self._show_devices(scene.status)
        evaluating = isinstance(scene.journey.state, Evaluating) and scene.holder is not None
        self._session.setVisible(evaluating)
        self._place.setVisible(not (evaluating and self._is_tight))
        self._devices.setVisible(bool(scene.status.devices) and not (evaluating and devices_good))
        caption = ""
        if evaluating and scene.holder is not None:
            elapsed, name = clock(scene.evaluating_s), scene.holder.masked_name
            caption = self._messages.text("header.session", name=name, clock=elapsed)
        self._session.show_state(caption, Tone.OK)

    def show_time(self, time: QTime) -> None:
        """Show the time of day."""
        self._clock.setText(time.toString("HH:mm"))

    def _show_place(self, booth: BoothView) -> None:
        self._place.setText(" · ".join(part for part in (booth.centre, booth.room) if part))
        self._booth.setText(booth.booth_label)

    def _show_network(self, status: StatusView) -> None:
        words, tone = self._messages, _STATE_TONES[status.network]
        if status.network is ReadingState.UNKNOWN:
            caption = words.text("header.network_unknown")
        elif status.network is ReadingState.BAD:
            caption = words.text("header.network_bad")
        elif status.network_ms is None:
            caption = words.text("header.network_ok")
        else:
            caption = words.text("header.network", ms=status.network_ms)
        self._network.show_state(caption, tone)

    def _show_power(self, status: StatusView, power: PowerView) -> None:
        words, tone = self._messages, _STATE_TONES[status.power]
        left = "" if status.minutes_left is None else words.duration(status.minutes_left)
        icon = Icon.POWER_PLUG
        if status.on_battery:
            icon = Icon.BATTERY
            tone = Tone.BAD if tone is Tone.BAD else Tone.WARN
            caption = words.text("header.power_battery_left", left=left) if left else words.text("header.power_battery")
        elif status.power is ReadingState.UNKNOWN:
            caption = words.text("header.power_unknown" if power.is_monitored else "header.power_unmonitored")
        elif status.power is ReadingState.BAD:
            caption = words.text("header.power_bad")
        else:
            caption = words.text("header.power_mains_left", left=left) if left else words.text("header.power_mains")
        self._power.show_state(caption, tone, icon)

    def _show_devices(self, status: StatusView) -> bool:
        words = self._messages
        missing = [device for device in status.devices if device.state is not ReadingState.OK]
        ok, total = len(status.devices) - len(missing), len(status.devices)
        if not missing:
            self._devices.show_state(words.text("header.devices", ok=ok, total=total), Tone.OK, Icon.CHECK_MARK)
            return True
        worst = Tone.BAD if any(device.state is ReadingState.BAD for device in missing) else Tone.WARN
        names = words.text("header.join").join(words.text(f"device.{device.kind}") for device in missing[:2])
        caption = words.text("header.devices_missing", ok=ok, total=total, names=names)
        self._devices.show_state(caption, worst, Icon.WARNING)
        return False


class DrillBand(QFrame):
    """演练: nothing here counts."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setObjectName("drill")
        self.setFixedHeight(theme.with_text(38))
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(32), 0, theme.px(32), 0)
        row.setSpacing(theme.px(12))
        row.addStretch(1)
        row.addWidget(IconMark(Icon.WARNING, theme.text(22), Color.BAR))
        row.addWidget(label(messages.text("drill.band")))
        row.addStretch(1)


class Footer(QFrame):
    """Hotline on the left; text size, the way out and the administrator on the right.

    Signals:
        pressed(Intent): help, leave or end.
        text_size_toggled(): larger or normal text.
        checkup_wanted(): check every device; offered while nobody is here.
    """

    pressed = Signal(object)
    text_size_toggled = Signal()
    checkup_wanted = Signal()

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setObjectName("footer")
        self.setFixedHeight(theme.with_text(72))
        self._messages = messages
        self._watched = Tag(theme)
        self._hotline = text(role=Role.NOTE)
        self._bundle = text(role=Role.CAPTION)
        size_key = "footer.text_normal" if theme.large_text else "footer.text_larger"
        self.text_size = Button(theme, messages.text(size_key), icon=Icon.TEXT_SIZE)
        self.text_size.clicked.connect(self.text_size_toggled)
        self._checkup = Button(theme, messages.text("checkup.start"), icon=Icon.CHECK)
        self._checkup.clicked.connect(self.checkup_wanted)
        self._leave = Button(theme, "")
        self._leave.clicked.connect(self._on_leave_clicked)
        self._help = Button(theme, messages.text("footer.help"), icon=Icon.HELP)
        self._help.clicked.connect(self._on_help_clicked)
        self._away = Button(theme, messages.text("footer.leave_seat"), icon=Icon.LOCK)
        self._away.clicked.connect(self._on_away_clicked)
        self._end = Button(theme, messages.text("footer.end"), kind=Kind.DANGER)
        self._end.clicked.connect(self._on_end_clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(32), 0, theme.px(32), 0)
        row.setSpacing(theme.px(20))
        row.addWidget(self._watched)
        row.addWidget(self._hotline)
        row.addWidget(self._bundle)
        row.addStretch(1)
        for button in (self._checkup, self.text_size, self._leave, self._away, self._help, self._end):
            row.addWidget(button)

    def show_scene(self, scene: Scene) -> None:
        """Show the buttons that count in the state."""
        state, words = scene.journey.state, self._messages
        hotline = scene.booth.hotline
        self._hotline.setText(words.text("footer.hotline", number=hotline) if hotline else "")
        version = scene.booth.bundle
        self._bundle.setText(words.text("footer.bundle", version=version) if version else "")
        self._show_watched(scene.meeting)
        self._checkup.setVisible(isinstance(state, Idle) and scene.checkup is None)
        is_closing = scene.power.is_closing
        leave = "" if is_closing else leave_key(state)
        self._leave.setVisible(bool(leave))
        if leave:
            self._leave.setText(words.text(leave))
        called = scene.journey.help_called
        self._help.setText(words.text("footer.help_called" if called else "footer.help"))
        self._help.setEnabled(not called)
        self._help.setVisible(not isinstance(state, OutOfService))
        for button in (self._away, self._end):
            button.setVisible(isinstance(state, Evaluating) and not is_closing)
            button.setEnabled(isinstance(state, Evaluating) and not state.confirming_end)

    def _show_watched(self, meeting: Pane) -> None:
        """Say all the time that the booth is watched and recorded, and when it is not although it should be."""
        key, tone = _WATCHED.get((meeting.monitoring, meeting.is_recorded), ("", Tone.WARN))
        self._watched.setVisible(bool(key))
        # One line holds no more at the booth's size; whoever is watched must read that first.
        self._hotline.setVisible(not key)
        self._bundle.setVisible(not key)
        if key:
            self._watched.show_state(self._messages.text(key), tone, Icon.CAMERA if tone is Tone.WARN else None)

    def take_focus(self) -> None:
        """Take the keyboard's focus off the page: to the end button, or else to the administrator's."""
        (self._end if self._end.isVisible() else self._help).setFocus()

    def _on_leave_clicked(self) -> None:
        self.pressed.emit(Intent.CANCEL)

    def _on_help_clicked(self) -> None:
        self.pressed.emit(Intent.HELP)

    def _on_away_clicked(self) -> None:
        self.pressed.emit(Intent.LEAVE)

    def _on_end_clicked(self) -> None:
        self.pressed.emit(Intent.END)
