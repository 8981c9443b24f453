"""The self-check of one stay: what the devices say, and whether the pack and its components are here (E-508)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack
from workstation.journey.facts import Check, CheckKind
from workstation.preflight.components import check_component
from workstation.site.preflight import PreflightVerdict

from .doors import Doors
from .health import CHECK_TIMEOUT_S, HealthBridge
from .threads import Lane


@dataclass(frozen=True)
class _Look:
    """What one look at a pack found so far. ``pack`` is ``None`` where there is none that may be used."""

    number: int = 0
    pack: MainSitePack | None = None
    fault: ErrorCode | None = ErrorCode.COMPONENT_MISSING
    seen: int = 0
    bad: tuple[str, ...] = ()
    is_over: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to look at."""
        return self.is_over or self.pack is None or self.seen == len(self.pack.components)

    def check(self) -> Check:
        """Return the line of the self-check. What was not seen in time is not good."""
        unseen = () if self.pack is None else tuple(each.name for each in self.pack.components[self.seen :])
        # Only the first of them held us up; the others were not even tried.
        bad = (*self.bad, *unseen[:1])
        code = ErrorCode.COMPONENT_MISSING if bad else self.fault
        return Check(kind=CheckKind.PACK, required=True, code=code, detail=" / ".join(bad))


class SelfCheckBridge(QObject):
    """Files are read in a thread of its own: a component may be large, its disk slow. All else in the GUI thread.

    Signals:
        checked(int attempt, tuple[Check, ...]): the answer to ``check``, once for each that no later one replaced.
    """

    checked = Signal(int, object)
    _seen = Signal(int, str, bool)

    def __init__(self, health: HealthBridge, doors: Doors, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._health, self._doors = health, doors
        self.lane = Lane("components", self)
        self._attempt = -1
        self._devices: tuple[Check, ...] | None = None
        self._look = _Look()
        self._limit = QTimer(self)
        self._limit.setSingleShot(True)
        self._limit.timeout.connect(self._on_limit_timeout)
        self._seen.connect(self._on_seen)
        health.checked.connect(self._on_health_checked)

    def check(self, attempt: int) -> None:
        """Look at every device and component anew; answered by ``checked`` within about ``CHECK_TIMEOUT_S``."""
        self._attempt, self._devices = attempt, None
        self._health.watch_main_site(self._doors.origin(), self._doors.trust())
        self._health.check(attempt)
        self._start_look()

    def stop(self) -> None:
        """End the thread."""
        self._limit.stop()
        self.lane.close()

    def _start_look(self) -> None:
        number = self._look.number + 1
        try:
            pack = self._doors.pack()
        except KioskError as error:
            self._look = _Look(number=number, fault=error.code)
            return
        self._look = _Look(number=number, pack=pack, fault=None)
        if pack.components:
            self._limit.start(int(CHECK_TIMEOUT_S * 1000))
            self.lane.submit(partial(self._see, number, pack))

    def _see(self, number: int, pack: MainSitePack) -> None:
        """Runs in the lane's thread."""
        for component in pack.components:
            if number != self._look.number:
                return  # nobody waits for this one any more
            found = check_component(component)
            self._seen.emit(number, component.name, found.verdict is not PreflightVerdict.FAIL)

    @Slot(int, str, bool)
    def _on_seen(self, number: int, name: str, is_good: bool) -> None:
        look = self._look
        if number == look.number and not look.is_over:
            bad = look.bad if is_good else (*look.bad, name)
            self._look = replace(look, seen=look.seen + 1, bad=bad)
            self._answer()

    @Slot()
    def _on_limit_timeout(self) -> None:
        self._look = replace(self._look, is_over=True)
        self._answer()

    @Slot(int, object)
    def _on_health_checked(self, attempt: int, checks: tuple[Check, ...]) -> None:
        if attempt != self._attempt:
            return
        self._devices = checks
        if self._current_pack() != self._look.pack:  # a newer one came meanwhile
            self._start_look()
        self._answer()

    def _current_pack(self) -> MainSitePack | None:
        try:
            return self._doors.pack()
        except KioskError:
            return None

    def _answer(self) -> None:
        if self._devices is not None and self._look.is_done:
            devices, self._devices = self._devices, None
            self._limit.stop()
            self.checked.emit(self._attempt, (*devices, self._look.check()))
