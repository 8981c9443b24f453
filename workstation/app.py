"""The composition root: makes everything, connects it, starts and stops it. Decides nothing."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from drivers.contracts import CancelToken
from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig, Site
from workstation.bridge.face import to_qimage
from workstation.bridge.power import PowerState
from workstation.bridge.records import resume_from
from workstation.bridge.site import SiteBridge
from workstation.bridge.threads import Lane
from workstation.composition import make_bridges, seat_policy
from workstation.evaluation.surface import Notice, NoticeKind
from workstation.exits import EXIT_AFRESH, EXIT_RESTART
from workstation.face.verification import Observation
from workstation.health.board import HealthSnapshot
from workstation.identity.vault import IdentityVault
from workstation.journal.journal import Journal
from workstation.journey.events import Crashed, Intent, Pressed
from workstation.journey.facts import PhotoPolicy
from workstation.journey.states import Evaluating, Journey, Launching, Locked, SigningOut, State, holder_of
from workstation.logs import log_event
from workstation.site.client import SiteClient
from workstation.site.contract import BoothInfo
from workstation.site.embedded import EmbeddedSite
from workstation.ui.present import booth_view, face_view, power_view, status_view
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
        self._bridges = make_bridges(config, self._journal, self._vault, self)
        self._starter = Lane("starter", self)
        self._connect()

    def _connect(self) -> None:
        bridges, window = self._bridges, self._window
        bridges.actions.journey.changed.connect(self._on_journey_changed)
        bridges.actions.restart_requested.connect(self._on_actions_restart_requested)
        bridges.actions.afresh_requested.connect(self._on_actions_afresh_requested)
        bridges.sound.told.connect(bridges.actions.on_sound_event)
        bridges.sound.level_seen.connect(window.show_level)
        bridges.preview.frame_taken.connect(window.show_preview)
        bridges.face.frame_captured.connect(self._on_face_frame_captured)
        bridges.face.observed.connect(self._on_face_observed)
        bridges.health.snapshot_taken.connect(self._on_health_snapshot_taken)
        bridges.screens.reading_taken.connect(bridges.health.observe)
        bridges.health.snapshot_taken.connect(bridges.outages.follow)
        bridges.outages.event_found.connect(bridges.records.append)
        bridges.outages.changed.connect(window.show_outages)
        bridges.browser.view_changed.connect(window.set_page)
        bridges.browser.trust_found.connect(bridges.health.trust_main_site)
        bridges.health.condition_raised.connect(bridges.browser.on_condition_raised)
        bridges.browser.navigation_refused.connect(self._on_browser_navigation_refused)
        bridges.browser.surface_changed.connect(window.show_surface)
        bridges.browser.noticed.connect(window.note)
        bridges.health.snapshot_taken.connect(bridges.checkup.on_snapshot_taken)
        bridges.checkup.changed.connect(window.show_checkup)
        window.checkup_wanted.connect(bridges.checkup.press)
        window.checkup_closed.connect(bridges.checkup.dismiss)
        bridges.power.reading_taken.connect(bridges.health.observe)
        bridges.power.event_found.connect(bridges.records.append)
        bridges.power.state_changed.connect(self._on_power_state_changed)
        bridges.power.save_wanted.connect(self._on_power_save_wanted)
        bridges.actions.journey.changed.connect(bridges.power.on_journey_changed)
        window.commanded.connect(bridges.browser.command)
        window.pressed.connect(self._on_window_pressed)
        self._connect_conference()
        self.site_found.connect(self._on_site_found)
        for lane in (*bridges.lanes, self._starter):
            lane.crashed.connect(self._on_lane_crashed)

    def _connect_conference(self) -> None:
        bridges, window = self._bridges, self._window
        conference = bridges.conference
        for kind in (conference, bridges.external):
            kind.condition_raised.connect(bridges.actions.on_condition_raised)
            kind.condition_cleared.connect(bridges.actions.on_condition_cleared)
            kind.event_found.connect(bridges.outages.hear_meeting)
            kind.view_changed.connect(window.set_conference)
            kind.pane_changed.connect(window.show_meeting)
        conference.reading_taken.connect(bridges.health.observe)
        conference.reading_ended.connect(bridges.health.forget_conference)
        bridges.tickets.granted.connect(bridges.health.watch_conference)
        bridges.tickets.ended.connect(bridges.health.leave_conference)
        conference.choice_wanted.connect(window.ask_document)
        window.document_shared.connect(self._on_window_document_shared)
        window.text_size_changed.connect(conference.set_large_text)
        conference.set_large_text(self._config.screen.large_text)

    def start(self) -> None:
        """Begin the journey and watch the devices."""
        policy = PhotoPolicy(self._config.photo.missing)
        resume = resume_from(self._journal.load_resume())
        self._bridges.actions.journey.begin(resume, policy, seat_policy(self._config.presence))
        self._bridges.card.start()
        self._bridges.health.start()
        self._bridges.power.start()
        self._bridges.screens.start()
        self._bridges.face.prepare()
        self._bridges.preflight.start()
        self._bridges.checkup.start()
        self._bridges.headset.start()
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
            collect=self._bridges.health.reports,
            state=self._state,
            version=self._version,
            keep=timedelta(days=self._config.storage.keep_days),
            parent=self,
        )
        self._bridges.packs.join_site(client)
        self._site.booth_changed.connect(self._on_site_booth_changed)
        self._site.booth_changed.connect(self._bridges.packs.on_booth_changed)
        self._site.reading_taken.connect(self._bridges.health.observe)
        self._site.lane.crashed.connect(self._on_lane_crashed)
        self._bridges.records.urgent_recorded.connect(self._site.report_soon)
        self._bridges.actions.join_site(self._site)
        self._site.command_received.connect(self._bridges.preflight.on_command)
        self._site.booth_changed.connect(self._bridges.preflight.on_booth_changed)
        self._bridges.preflight.join_site(client)
        self._site.command_received.connect(self._bridges.checkup.on_command)
        self._site.booth_changed.connect(self._bridges.checkup.on_booth_changed)
        self._bridges.checkup.join_site(client)
        self._bridges.tickets.join_site(client)
        self._site.match_answered.connect(self._bridges.external.on_match_answered)
        self._site.match_answered.connect(self._bridges.power.on_match_answered)
        self._site.command_received.connect(self._bridges.power.on_command)
        self._site.start()

    def _state(self) -> str:
        return self._state_name

    def stop(self) -> None:
        """End every thread and child, and forget everybody."""
        self._stopping.cancel()
        self._bridges.actions.journey.stop()
        self._bridges.conference.dismiss()
        self._bridges.external.close()
        self._bridges.headset.stop()
        self._bridges.sound.close()
        self._bridges.browser.close()
        self._bridges.card.stop()
        self._bridges.face.close()
        self._bridges.screens.stop()
        self._bridges.health.stop()
        self._bridges.power.stop()
        self._bridges.checks.stop()
        self._bridges.preflight.stop()
        self._bridges.checkup.stop()
        self._starter.close()
        self._bridges.packs.stop()
        self._bridges.records.close()
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
                self._bridges.actions.journey.handle(Crashed())
            except Exception:  # noqa: BLE001 - whatever it is, the program must end and forget
                _log.critical("the journey could not be stopped", exc_info=True)
            else:
                return
        self._vault.clear()
        self._qt.exit(EXIT_RESTART)

    @Slot(object)
    def _on_journey_changed(self, journey: Journey) -> None:
        name = _wire_name(journey)
        self._bridges.browser.tell_page(booth=self._config.place.booth_id, alias=_alias_of(journey.state), state=name)
        if name != self._state_name:
            self._state_name = name
            self._bridges.preflight.set_free(is_free=name == "idle")
            self._bridges.checkup.set_free(is_free=name == "idle")
            self._bridges.records.check.set_free(is_free=name == "idle")
            log_event(_log, "state_entered", state=name, attempt=journey.attempt)
            portrait = self._vault.portrait
            shown = holder_of(journey.state) is not None and not isinstance(journey.state, SigningOut)
            self._window.show_portrait(to_qimage(portrait) if shown and portrait is not None else None)
        self._window.show_journey(journey)
        state = journey.state
        self._bridges.browser.set_shown(is_shown=isinstance(state, Evaluating) and not state.confirming_end)

    @Slot(object)
    def _on_window_pressed(self, intent: Intent) -> None:
        self._bridges.actions.journey.handle(Pressed(intent=intent))

    @Slot(int, QImage)
    def _on_face_frame_captured(self, attempt: int, frame: QImage) -> None:
        if attempt == self._bridges.actions.journey.journey.attempt:
            self._window.show_frame(frame)

    @Slot(int, object)
    def _on_face_observed(self, attempt: int, observation: Observation) -> None:
        if attempt == self._bridges.actions.journey.journey.attempt:
            self._window.show_face(face_view(observation))

    @Slot(object)
    def _on_health_snapshot_taken(self, snapshot: HealthSnapshot) -> None:
        self._window.show_status(status_view(snapshot))

    @Slot(object)
    def _on_power_state_changed(self, state: PowerState) -> None:
        self._window.show_power(power_view(state))

    @Slot()
    def _on_power_save_wanted(self) -> None:
        self._window.note(Notice(kind=NoticeKind.SAVE))

    @Slot(str)
    def _on_window_document_shared(self, name: str) -> None:
        found = self._bridges.browser.document_file(name)
        if found is not None:
            self._bridges.conference.present(name, *found)

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
        if self._bridges.browser.is_loaded:
            self._qt.exit(EXIT_AFRESH)


def _read_token(site: Site) -> str:
    """Return the booth's token, "" without a site server. It travels in an HTTP header, so it must be ASCII."""
    if site.token_file is None:
        return ""
    try:
        return site.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("site.token_file", error) from error


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
