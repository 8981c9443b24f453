"""What the journey asks the site server, and what the answers and orders of the site mean to the journey."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Slot

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError
from workstation.identity.vault import IdentityVault, overwrite
from workstation.journey import effects as fx
from workstation.journey import events as ev
from workstation.journey.facts import Attempt
from workstation.journey.states import holder_of
from workstation.site.contract import Command, Launch, MatchReply

from .answers import matched, ordered
from .doors import Doors
from .health import HealthBridge
from .journey import JourneyBridge
from .records import RecordBridge
from .site import SiteBridge


class SiteAnswers(QObject):
    """Lives in the GUI thread. Every slot here is a bound method, so signals of workers arrive queued."""

    def __init__(
        self,
        journey: JourneyBridge,
        *,
        vault: IdentityVault,
        doors: Doors,
        health: HealthBridge,
        records: RecordBridge,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._journey, self._vault, self._doors = journey, vault, doors
        self._health, self._records = health, records
        self._site: SiteBridge | None = None

    def join(self, site: SiteBridge) -> None:
        """Use this site server from now on. Until then requests fail as if it were away, and are repeated."""
        self._site = site
        site.photo_answered.connect(self._on_site_photo_answered)
        site.review_answered.connect(self._on_site_review_answered)
        site.arrival_recorded.connect(self._on_site_arrival_recorded)
        site.match_answered.connect(self._on_site_match_answered)
        site.launch_granted.connect(self._on_site_launch_granted)
        site.request_failed.connect(self._on_site_request_failed)
        site.command_received.connect(self._on_site_command_received)

    def ask(self, effect: fx.FetchReference | fx.SendReview | fx.SendArrival | fx.AskMatch | fx.RequestLaunch) -> None:
        """Send one request; without a site server it fails as if that were away."""
        if self._site is None:
            self._journey.handle(ev.SiteFailed(attempt=effect.attempt, code=ErrorCode.SITE_SERVER_UNREACHABLE))
            return
        match effect:
            case fx.FetchReference(attempt=attempt):
                self._site.fetch_photo(attempt, self._vault.expert_hash)
            case fx.SendReview(attempt=attempt, session_id=session_id, code=code, may_repeat=may_repeat):
                evidence = partial(self._vault.evidence, session_id)
                self._site.review(attempt, session_id, code, evidence, may_repeat=may_repeat)
            case fx.SendArrival(attempt=attempt, session_id=session_id, method=method):
                self._site.arrive(attempt, session_id, method, self._vault.expert_hash)
            case fx.AskMatch(attempt=attempt, session_id=session_id):
                self._site.match(attempt, session_id)
            case fx.RequestLaunch():
                self._request_launch(self._site, effect)

    def _request_launch(self, site: SiteBridge, effect: fx.RequestLaunch) -> None:
        try:
            by_account = self._doors.needs_account(by_account=effect.by_account)
        except KioskError as error:
            self._journey.handle(ev.SiteFailed(attempt=effect.attempt, code=error.code))
            return
        site.launch(effect.attempt, effect.session_id, effect.project_id, by_account=by_account)

    @Slot(int, object)
    def _on_site_photo_answered(self, attempt: int, picture: Image | None) -> None:
        if attempt != self._journey.journey.attempt:
            overwrite(picture)
        elif picture is None:
            self._journey.handle(ev.ReferenceMissing(attempt=Attempt(attempt)))
        else:
            self._vault.keep_reference(picture)
            self._journey.handle(ev.ReferenceArrived(attempt=Attempt(attempt)))

    @Slot(int, bool)
    def _on_site_review_answered(self, attempt: int, taken: bool) -> None:
        journey = self._journey.journey
        holder = holder_of(journey.state)
        if attempt == journey.attempt and holder is not None:
            self._vault.forget_live()
            self._records.append("review_sent", holder.session_id, {"taken": taken})

    @Slot(int, str, str)
    def _on_site_arrival_recorded(self, attempt: int, expert_hash: str, elsewhere: str) -> None:
        self._journey.handle(ev.ArrivalRecorded(attempt=Attempt(attempt), expert_hash=expert_hash, elsewhere=elsewhere))

    @Slot(int, object)
    def _on_site_match_answered(self, attempt: int, reply: MatchReply) -> None:
        if reply.assignment is not None:
            self._doors.expect(reply.assignment.main_site_id)
        event = matched(attempt, reply, self._doors.conference())
        if isinstance(event, ev.ExpertMatched):
            self._health.watch_main_site(self._doors.origin(), self._doors.trust())
        self._journey.handle(event)

    @Slot(int, object)
    def _on_site_launch_granted(self, attempt: int, launch: Launch) -> None:
        if attempt != self._journey.journey.attempt:
            return
        try:
            self._journey.handle(self._doors.take(attempt, launch))
        except KioskError as error:
            self._journey.handle(ev.SiteFailed(attempt=Attempt(attempt), code=error.code))

    @Slot(int, object)
    def _on_site_request_failed(self, attempt: int, code: ErrorCode) -> None:
        self._journey.handle(ev.SiteFailed(attempt=Attempt(attempt), code=code))

    @Slot(object)
    def _on_site_command_received(self, command: Command) -> None:
        event = ordered(command)
        if event is not None:
            self._journey.handle(event)
