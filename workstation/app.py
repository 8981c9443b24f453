"""The composition root: makes everything, connects it, starts and stops it. Decides nothing."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from drivers.contracts import CancelToken, CardType
from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig, Presence, Site
from workstation import devices, readers
from workstation.bridge.actions import KioskActions
from workstation.bridge.browser import BrowserBridge
from workstation.bridge.card import CardBridge
from workstation.bridge.doors import Doors
from workstation.bridge.face import FaceBridge, to_qimage
from workstation.bridge.health import HealthBridge
from workstation.bridge.meeting import NoMeeting
from workstation.bridge.packs import PackBridge
from workstation.bridge.preflight import PreflightBridge
from workstation.bridge.presence import PresenceBridge
from workstation.bridge.records import RecordBridge, resume_from
from workstation.bridge.selfcheck import SelfCheckBridge
from workstation.bridge.site import SiteBridge
from workstation.bridge.threads import Lane
from workstation.evaluation.authorities import AuthorityStore
from workstation.evaluation.packs import make_packs
from workstation.exits import EXIT_AFRESH, EXIT_RESTART
from workstation.face.client import FaceClient
from workstation.face.verification import Observation
from workstation.health.board import HealthSnapshot
from workstation.identity.presence import Rules, make_rules
from workstation.identity.vault import IdentityVault
from workstation.journal.journal import Journal
from workstation.journey.events import Crashed, Intent, Pressed
from workstation.journey.facts import PhotoPolicy
from workstation.journey.seat import SeatPolicy
from workstation.journey.states import Evaluating, Journey, Launching, Locked, SigningOut, State, holder_of
from workstation.logs import log_event
from workstation.site.client import SiteClient
from workstation.site.contract import BoothInfo
from workstation.site.embedded import EmbeddedSite
from workstation.ui.present import booth_view, face_view, status_view
from workstation.ui.window import KioskWindow

_log = logging.getLogger(__name__)

EMBEDDED_RETRY_S = 10.0
MIB = 1 << 20


class Application(QObject):
    """One booth.

    Args:
        window: the window of ``workstation.opening``, already on screen.

    Signals:
        site_found(str base_url, str token): the site server's address is known.

    Raises:
        KioskError: not retryable when the token file or the data folder cannot be used; else what ``Journal`` raises.
    """

    site_found = Signal(str, str)

    def __init__(self, config: BoothConfig, qt: QApplication, window: KioskWindow) -> None:
        super().__init__()
        self._config, self._qt, self._window = config, qt, window
        self._embedded: EmbeddedSite | None = None
        self._site: SiteBridge | None = None
        self._state_name = "starting"
        self._stopping = CancelToken()
        self._version = version("evaluation-workstation")
        self._token = _read_token(config.site)
        data_dir = config.storage.data_dir
        _make_folder(data_dir)
        self._journal = Journal(data_dir / "journal.sqlite3")
        self._vault = IdentityVault()
        self._make_bridges(data_dir)
        self._connect()

    def _make_bridges(self, data_dir: Path) -> None:
        config = self._config
        camera = devices.make_camera(config)
        models = devices.models_dir(config)
        self._card = CardBridge(
            readers.make_reader(config),
            readers.make_decoder(config),
            timeout_s=config.reader.timeout_s,
            parent=self,
        )
        self._face = FaceBridge(
            camera.reader(),
            lambda: FaceClient(models_dir=models, engine=devices.face_engine(config)),
            challenges=devices.make_challenges(config),
            parent=self,
        )
        self._health = HealthBridge(
            camera=camera.reader(),
            headset=devices.make_headset(config),
            ups=devices.make_ups(config),
            ups_poll_s=config.ups.poll_s,
            data_dir=data_dir,
            min_free_bytes=config.storage.min_free_mb * MIB,
            parent=self,
        )
        self._records = RecordBridge(self._journal, self)
        self._browser = BrowserBridge(
            is_drill=config.is_drill,
            authorities=AuthorityStore(data_dir / "authorities"),
            certificate=devices.booth_certificate(config),
            parent=self,
        )
        packs = make_packs(config)
        self._packs = PackBridge(packs, self._records, self)
        self._preflight = PreflightBridge(
            packs,
            self._records,
            at=time.fromisoformat(config.main_site.preflight_at) if config.main_site.preflight_at else None,
            site_id=config.main_site.site_id,
            is_drill=config.is_drill,
            certificate=devices.booth_certificate(config),
            parent=self,
        )
        doors = Doors(self._packs)
        self._checks = SelfCheckBridge(self._health, doors, self)
        self._starter = Lane("starter", self)
        self._actions = KioskActions(
            vault=self._vault,
            card=self._card,
            face=self._face,
            presence=PresenceBridge(self._face, _seat_rules(config.presence), self),
            health=self._health,
            records=self._records,
            browser=self._browser,
            doors=doors,
            checks=self._checks,
            conference=NoMeeting(),
            sound=NoMeeting(),
            card_types=frozenset(map(CardType, config.reader.card_types)),
            is_drill=config.is_drill,
            parent=self,
        )

    def _connect(self) -> None:
        self._actions.journey.changed.connect(self._on_journey_changed)
        self._actions.restart_requested.connect(self._on_actions_restart_requested)
        self._actions.afresh_requested.connect(self._on_actions_afresh_requested)
        self._face.frame_captured.connect(self._on_face_frame_captured)
        self._face.observed.connect(self._on_face_observed)
        self._health.snapshot_taken.connect(self._on_health_snapshot_taken)
        self._browser.view_changed.connect(self._on_browser_view_changed)
        self._browser.trust_found.connect(self._health.trust_main_site)
        self._health.condition_raised.connect(self._browser.on_condition_raised)
        self._browser.navigation_refused.connect(self._on_browser_navigation_refused)
        self._browser.surface_changed.connect(self._window.show_surface)
        self._browser.noticed.connect(self._window.note)
        self._window.commanded.connect(self._browser.command)
        self._window.pressed.connect(self._on_window_pressed)
        self.site_found.connect(self._on_site_found)
        lanes = (self._face.lane, self._records.lane, self._packs.lane, self._browser.lane, self._checks.lane)
        for lane in (*lanes, *self._preflight.lanes, self._starter):
            lane.crashed.connect(self._on_lane_crashed)

    def start(self) -> None:
        """Begin the journey and watch the devices."""
        policy = PhotoPolicy(self._config.photo.missing)
        resume = resume_from(self._journal.load_resume())
        self._actions.journey.begin(resume, policy, _seat_policy(self._config.presence))
        self._card.start()
        self._health.start()
        self._face.prepare()
        self._preflight.start()
        self._starter.submit(self._find_site)

    def _find_site(self) -> None:
        """Runs in the starter's thread: an embedded server takes a second to start."""
        site = self._config.site
        if site.url:
            self.site_found.emit(site.url, self._token)
            return
        booth_id = self._config.place.booth_id
        while not self._stopping.is_cancelled:
            try:
                embedded = EmbeddedSite(self._config.storage.data_dir / "site", booth_id)
            except KioskError as error:
                _log.error("the embedded site server did not start: %s %s", error, error.context)
                self._stopping.wait(EMBEDDED_RETRY_S)
                continue
            self._embedded = embedded
            self.site_found.emit(embedded.base_url, embedded.tokens.booths[booth_id])
            return

    @Slot(str, str)
    def _on_site_found(self, base_url: str, token: str) -> None:
        site = self._config.site
        client = SiteClient(
            base_url,
            self._config.place.booth_id,
            token,
            timeout_s=site.timeout_s,
            ca_file=str(site.ca_file) if site.ca_file else None,
        )
        self._site = SiteBridge(
            client,
            self._journal,
            collect=self._health.reports,
            state=self._state,
            version=self._version,
            parent=self,
        )
        self._packs.join_site(client)
        self._site.booth_changed.connect(self._on_site_booth_changed)
        self._site.booth_changed.connect(self._packs.on_booth_changed)
        self._site.reading_taken.connect(self._health.observe)
        self._site.lane.crashed.connect(self._on_lane_crashed)
        self._records.urgent_recorded.connect(self._site.report_soon)
        self._actions.join_site(self._site)
        self._site.command_received.connect(self._preflight.on_command)
        self._site.booth_changed.connect(self._preflight.on_booth_changed)
        self._preflight.join_site(client)
        self._site.start()

    def _state(self) -> str:
        return self._state_name

    def stop(self) -> None:
        """End every thread and child, and forget everybody."""
        self._stopping.cancel()
        self._actions.journey.stop()
        self._browser.close()
        self._card.stop()
        self._face.close()
        self._health.stop()
        self._checks.stop()
        self._preflight.stop()
        self._starter.close()
        self._packs.stop()
        self._records.close()
        if self._site is not None:
            self._site.stop()
        if self._embedded is not None:
            self._embedded.stop()
        self._vault.clear()
        self._journal.close()
        # Qt deletes a page before its profile only while posted deletions still run.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def on_unhandled(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Take an exception nobody handled (``sys.excepthook``): stop the journey, then leave for a fresh start."""
        _log.critical("unhandled exception", exc_info=(kind, error or kind(), trace))
        if self._state_name not in {"out-of-service", "starting"}:
            try:
                self._actions.journey.handle(Crashed())
            except Exception:  # noqa: BLE001 - whatever it is, the program must end and forget
                _log.critical("the journey could not be stopped", exc_info=True)
            else:
                return
        self._vault.clear()
        self._qt.exit(EXIT_RESTART)

    @Slot(object)
    def _on_journey_changed(self, journey: Journey) -> None:
        name = _wire_name(journey)
        self._browser.tell_page(booth=self._config.place.booth_id, alias=_alias_of(journey.state), state=name)
        if name != self._state_name:
            self._state_name = name
            self._preflight.set_free(is_free=name == "idle")
            log_event(_log, "state_entered", state=name, attempt=journey.attempt)
            portrait = self._vault.portrait
            shown = holder_of(journey.state) is not None and not isinstance(journey.state, SigningOut)
            self._window.show_portrait(to_qimage(portrait) if shown and portrait is not None else None)
        self._window.show_journey(journey)
        state = journey.state
        self._browser.set_shown(is_shown=isinstance(state, Evaluating) and not state.confirming_end)

    @Slot(object)
    def _on_window_pressed(self, intent: Intent) -> None:
        self._actions.journey.handle(Pressed(intent=intent))

    @Slot(int, QImage)
    def _on_face_frame_captured(self, attempt: int, frame: QImage) -> None:
        if attempt == self._actions.journey.journey.attempt:
            self._window.show_frame(frame)

    @Slot(int, object)
    def _on_face_observed(self, attempt: int, observation: Observation) -> None:
        if attempt == self._actions.journey.journey.attempt:
            self._window.show_face(face_view(observation))

    @Slot(object)
    def _on_health_snapshot_taken(self, snapshot: HealthSnapshot) -> None:
        self._window.show_status(status_view(snapshot))

    @Slot(object)
    def _on_browser_view_changed(self, view: QWidget | None) -> None:
        self._window.set_page(view)

    @Slot(str, str)
    def _on_browser_navigation_refused(self, host: str, _reason: str) -> None:
        self._window.note_refused_navigation(host)

    @Slot(object)
    def _on_site_booth_changed(self, info: BoothInfo) -> None:
        self._window.show_booth(booth_view(info, drill=self._config.is_drill, bundle=self._version))

    @Slot(object)
    def _on_lane_crashed(self, error: BaseException) -> None:
        if isinstance(error, KioskError):
            _log.error("background work failed: %s", error)
        self.on_unhandled(type(error), error, error.__traceback__)

    @Slot()
    def _on_actions_restart_requested(self) -> None:
        self._qt.exit(EXIT_RESTART)

    @Slot()
    def _on_actions_afresh_requested(self) -> None:
        if self._browser.is_loaded:
            self._qt.exit(EXIT_AFRESH)


def _read_token(site: Site) -> str:
    """Return the booth's token, "" without a site server. It travels in an HTTP header, so it must be ASCII."""
    if site.token_file is None:
        return ""
    try:
        return site.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("site.token_file", error) from error


def _seat_rules(presence: Presence) -> Rules:
    return make_rules(
        away_notice_s=presence.away_notice_s,
        away_lock_s=presence.away_lock_s,
        others_notice_s=presence.others_notice_s,
        others_alarm_s=presence.others_alarm_s,
        camera_lock_s=presence.camera_lock_s,
    )


def _seat_policy(presence: Presence) -> SeatPolicy:
    return SeatPolicy(
        watch=presence.watch,
        away_report_s=presence.away_report_s,
        leave_s=presence.leave_s,
        camera_lock_s=presence.camera_lock_s,
    )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable("storage.data_dir", error) from error


def _unusable(setting: str, error: Exception) -> KioskError:
    context = {"reason": type(error).__name__}
    return KioskError(ErrorCode.INTERNAL, f"{setting} cannot be used", context=context, retryable=False)


def _alias_of(state: State) -> str:
    """Return the expert's alias where the main site may be on screen, else ""."""
    return state.session.assignment.alias if isinstance(state, Launching | Evaluating | Locked) else ""


def _wire_name(journey: Journey) -> str:
    """Return the state's name on the wire: ``FaceCheck`` becomes ``face-check``."""
    name = type(journey.state).__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def install_excepthook(application: Application) -> None:
    """Send what no slot and no thread handled to the application."""
    sys.excepthook = application.on_unhandled

    def on_thread(arguments: threading.ExceptHookArgs) -> None:
        _log.critical("thread %s died", arguments.thread.name if arguments.thread else "?", exc_info=True)

    threading.excepthook = on_thread
