"""A check-up without a kiosk, for IT: the same looks at the same devices; no screen, nothing signed or kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from drivers.contracts import CancelToken
from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig
from workstation import devices, readers
from workstation.bridge.card import CardBridge
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.findings import Reason, item
from workstation.checkup.maker import Groups, examine
from workstation.checkup.probes import JOURNAL_S, look_at_journal
from workstation.checkup.runner import CheckupRunner, Items, Probe
from workstation.checkup_parts import all_groups, booth_identity, fitted, own_probes
from workstation.composition import make_health, make_power
from workstation.evaluation.packs import make_packs
from workstation.health.board import HealthSnapshot
from workstation.health.probes import read_clock, read_link
from workstation.health.readings import Moment
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupOwn, CheckupReport, CheckupTrigger, CheckupVerdict


def check_up(config: BoothConfig, on_items: Callable[[Items], None]) -> CheckupReport | None:
    """Check this machine up and return the report; ``None`` when it was interrupted (SIGINT).

    Args:
        config: of the booth. Its devices must be free, or shared as the kiosk shares them.
        on_items: is called in several threads, as the items come.
    """
    application = QCoreApplication.instance() or QCoreApplication([])
    tool = _Tool(config, on_items)
    before = signal.signal(signal.SIGINT, lambda *_: tool.interrupt())
    try:
        tool.start()
        application.exec()
    finally:
        tool.stop()
        signal.signal(signal.SIGINT, before)
    return tool.report


class _Tool(QObject):
    """Takes the readings in the main thread while the check-up runs in one of its own."""

    _observed = Signal(object)
    _ended = Signal(object)

    def __init__(self, config: BoothConfig, on_items: Callable[[Items], None]) -> None:
        super().__init__()
        self._config, self._on_items = config, on_items
        self._camera = devices.make_camera(config)
        self._packs = make_packs(config)
        self._health = make_health(config, self._camera, self._packs, self)
        self._power = make_power(config, self, may_power_off=False)
        self._card = CardBridge(
            readers.make_reader(config), readers.make_decoder(config), timeout_s=config.reader.timeout_s, parent=self
        )
        asked_by_the_kiosk_alone = set() if config.site.url else {ReadingKind.SITE, ReadingKind.CLOCK}
        expected = fitted(config) - asked_by_the_kiosk_alone
        self._feed = ReadingFeed(expected, required_s=config.power.required_hours * 3600)
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self._run, name="checkup", daemon=True)
        self.report: CheckupReport | None = None
        self._health.snapshot_taken.connect(self._on_snapshot_taken)
        self._power.reading_taken.connect(self._health.observe)
        self._card.status_observed.connect(self._health.observe_device)
        self._observed.connect(self._health.observe)
        self._ended.connect(self._on_ended)

    def start(self) -> None:
        """Begin to watch and to check."""
        self._health.start()
        self._power.start()
        self._card.start()
        self._thread.start()

    def interrupt(self) -> None:
        """End the check-up; ``report`` stays ``None``."""
        self._cancel.cancel()

    def stop(self) -> None:
        """End what still runs."""
        self._cancel.cancel()
        self._card.stop()
        self._power.stop()
        self._health.stop()

    def _run(self) -> None:
        """Thread entry."""
        report = None
        try:
            report = examine(
                self._groups(),
                booth_identity(self._config),
                CheckupTrigger.TOOL,
                runner=CheckupRunner(),
                on_items=self._on_items,
                cancel=self._cancel,
            )
        finally:
            self._ended.emit(report)

    def _groups(self) -> Groups:
        if self._config.site.url:
            self._ask_site()
        journal = Probe(
            kind=CheckupOwn.JOURNAL,
            deadline_s=JOURNAL_S,
            look=lambda cancel: _look_at_journal(self._config.storage.data_dir / "journal.sqlite3", cancel),
        )
        return all_groups(self._feed, own_probes(self._config, self._camera, self._packs, journal))

    def _ask_site(self) -> None:
        """Ask the site server once, as the kiosk's reports do all the time, and compare the clocks."""
        site = self._config.site
        try:
            token = site.token_file.read_text("ascii").strip() if site.token_file else ""
            ca_file = str(site.ca_file) if site.ca_file else None
            client = SiteClient(site.url, self._config.place.booth_id, token, timeout_s=site.timeout_s, ca_file=ca_file)
            with closing(client):
                client.booth()
                measured, at = client.measured, Moment.now()
        except (KioskError, OSError, UnicodeDecodeError) as error:
            code = error.code if isinstance(error, KioskError) else ErrorCode.SITE_SERVER_UNREACHABLE
            self._observed.emit(read_link(ReadingKind.SITE, Moment.now(), code=code, detail=type(error).__name__))
            return
        if measured is not None:
            rtt_s = measured.round_trip_s
            self._observed.emit(read_link(ReadingKind.SITE, at, code=None, round_trip_s=rtt_s))
            server_time = at.utc + timedelta(seconds=measured.clock_offset_s - rtt_s / 2)
            self._observed.emit(read_clock(server_time, round_trip_s=rtt_s, at=at))

    @Slot(object)
    def _on_snapshot_taken(self, snapshot: HealthSnapshot) -> None:
        self._feed.offer(snapshot)

    @Slot(object)
    def _on_ended(self, report: CheckupReport | None) -> None:
        self.report = report
        QCoreApplication.quit()


def _look_at_journal(path: Path, cancel: CancelToken) -> Items:
    if not path.exists():
        return (item(CheckupOwn.JOURNAL, CheckupVerdict.NOT_FITTED, Reason.NO_JOURNAL),)
    with closing(Journal(path)) as journal:
        return look_at_journal(journal, cancel)
