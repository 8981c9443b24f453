"""Carries out the effects of the journey and turns the answers of devices, site and browser into its events."""

from __future__ import annotations

import time
from datetime import date

from PySide6.QtCore import QObject, Signal, Slot

from drivers.contracts import Assurance, CardType, DeviceKind, DeviceState, DeviceStatus, IdCardRecord, Image
from drivers.errors import ErrorCode, OtherCard
from workstation.face.verification import Observation
from workstation.health.board import HealthEvent
from workstation.identity.vault import IdentityVault, overwrite
from workstation.journey import effects as fx
from workstation.journey import events as ev
from workstation.journey.facts import Attempt, Check
from workstation.journey.states import holder_of

from .answers import REFERENCE_KINDS, comparison_facts
from .browser import BrowserBridge
from .card import CardBridge
from .doors import Doors
from .face import FaceBridge
from .health import HealthBridge
from .journey import JourneyBridge
from .meeting import Conference, SoundCheck
from .presence import PresenceBridge
from .records import RecordBridge
from .selfcheck import SelfCheckBridge
from .site import SiteBridge
from .site_answers import SiteAnswers


class KioskActions(QObject):
    """Lives in the GUI thread. Every slot here is a bound method, so signals of workers arrive queued.

    Args:
        card_types: the kinds of card that may sign in at this site.

    Signals:
        restart_requested(): the program must end; the watchdog starts it again.
        afresh_requested(): the next visit wants a new process.
    """

    restart_requested = Signal()
    afresh_requested = Signal()

    def __init__(
        self,
        *,
        vault: IdentityVault,
        card: CardBridge,
        face: FaceBridge,
        presence: PresenceBridge,
        health: HealthBridge,
        records: RecordBridge,
        browser: BrowserBridge,
        doors: Doors,
        checks: SelfCheckBridge,
        conference: Conference,
        sound: SoundCheck,
        card_types: frozenset[CardType],
        is_drill: bool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._vault, self._card, self._face, self._health = vault, card, face, health
        self._presence, self._records, self._browser, self._doors = presence, records, browser, doors
        self._checks, self._conference, self._sound = checks, conference, sound
        self._recorded_at: dict[str, float] = {}
        self._card_types, self._is_drill = card_types, is_drill
        self.journey = JourneyBridge(self, self)
        self._site = SiteAnswers(self.journey, vault=vault, doors=doors, health=health, records=records, parent=self)
        card.card_inserted.connect(self._on_card_inserted)
        card.card_lifted.connect(self._on_card_lifted)
        card.status_observed.connect(self._on_card_status_observed)
        card.card_read.connect(self._on_card_read)
        card.card_failed.connect(self._on_card_failed)
        face.picture_kept.connect(self._on_face_picture_kept)
        face.observed.connect(self._on_face_observed)
        face.failed.connect(self._on_face_failed)
        presence.found.connect(self._on_presence_found)
        presence.failed.connect(self._on_presence_failed)
        health.condition_raised.connect(self.on_condition_raised)
        health.condition_cleared.connect(self.on_condition_cleared)
        health.event_found.connect(self._on_health_event_found)
        self._checks.checked.connect(self._on_checks_checked)
        records.failed.connect(self._on_records_failed)
        records.recovered.connect(self._on_records_recovered)
        browser.opened.connect(self._on_browser_opened)
        browser.failed.connect(self._on_browser_failed)
        browser.lost.connect(self._on_browser_lost)
        browser.navigation_refused.connect(self._on_browser_navigation_refused)

    def join_site(self, site: SiteBridge) -> None:
        """Use this site server from now on. Until then requests fail as if it were away, and are repeated."""
        self._site.join(site)

    # --- effects -------------------------------------------------------------------------------------------------

    def carry_out(self, effect: fx.Effect) -> None:
        """Carry out one effect of the journey."""
        match effect:
            case fx.ReadCard() | fx.StopReading() | fx.StartFace() | fx.RunChecks():
                self._use_devices(effect)
            case fx.WatchSeat() | fx.StopWatching() | fx.StartUnlock() | fx.StopFace():
                self._use_camera(effect)
            case fx.FetchReference() | fx.SendReview() | fx.SendArrival() | fx.AskMatch() | fx.RequestLaunch():
                self._site.ask(effect)
            case fx.PrepareBrowser() | fx.OpenPage() | fx.ClosePage():
                self._use_browser(effect)
            case fx.JoinConference() | fx.HoldConference() | fx.LeaveConference():
                self._meet(effect)
            case fx.StartSoundCheck() | fx.StopSoundCheck() | fx.AnswerSoundCheck() | fx.RepeatSoundCheck():
                self._check_sound(effect)
            case fx.WipeIdentity() | fx.ForgetPicture() | fx.Record() | fx.KeepResume() | fx.ForgetResume():
                self._remember(effect)
            case fx.Restart() | fx.StartAfresh():
                (self.restart_requested if isinstance(effect, fx.Restart) else self.afresh_requested).emit()
            case fx.StartTimer() | fx.StopTimer():
                raise TypeError("timers belong to JourneyBridge")

    def _use_devices(self, effect: fx.ReadCard | fx.StopReading | fx.StartFace | fx.RunChecks) -> None:
        match effect:
            case fx.ReadCard(attempt=attempt):
                self._card.read(attempt)
                self._face.prepare()
            case fx.StopReading():
                self._card.stop_reading()
            case fx.StartFace(attempt=attempt, reference=reference):
                portrait = self._vault.portrait
                if portrait is None:
                    self._tell(ev.FaceFailed(attempt=attempt, code=ErrorCode.CARD_PHOTO_UNUSABLE))
                else:
                    self._face.start(attempt, portrait, REFERENCE_KINDS[reference])
            case fx.RunChecks(attempt=attempt):
                self._checks.check(attempt)

    def _use_camera(self, effect: fx.WatchSeat | fx.StopWatching | fx.StartUnlock | fx.StopFace) -> None:
        match effect:
            case fx.WatchSeat(attempt=attempt, is_empty=is_empty):
                self._presence.watch(attempt, is_empty=is_empty)
            case fx.StopWatching():
                self._presence.stop()
            case fx.StartUnlock(attempt=attempt):
                self._face.unlock(attempt)
            case fx.StopFace():
                self._face.stop()

    def _use_browser(self, effect: fx.PrepareBrowser | fx.OpenPage | fx.ClosePage) -> None:
        match effect:
            case fx.PrepareBrowser():
                self._browser.prepare()
            case fx.OpenPage(attempt=attempt):
                if (entry := self._doors.use()) is not None:
                    self._browser.open(attempt, entry)
                else:
                    self._tell(ev.PageFailed(attempt=attempt, code=ErrorCode.TICKET_REFUSED))
            case fx.ClosePage():
                self._doors.drop_grant()
                self._browser.close_page()

    def _meet(self, effect: fx.JoinConference | fx.HoldConference | fx.LeaveConference) -> None:
        match effect:
            case fx.JoinConference(attempt=attempt, session_id=session_id, project_id=project_id):
                self._conference.join(attempt, session_id, project_id)
            case fx.HoldConference(held=held):
                self._conference.hold(held=held)
            case fx.LeaveConference():
                self._conference.leave()

    def _check_sound(
        self, effect: fx.StartSoundCheck | fx.StopSoundCheck | fx.AnswerSoundCheck | fx.RepeatSoundCheck
    ) -> None:
        match effect:
            case fx.StartSoundCheck(attempt=attempt, voice=voice, mask=mask):
                self._sound.start(attempt, voice=voice, mask=mask)
            case fx.StopSoundCheck():
                self._sound.stop()
            case fx.AnswerSoundCheck(heard=heard):
                self._sound.answer(heard=heard)
            case fx.RepeatSoundCheck():
                self._sound.repeat()

    def _remember(
        self, effect: fx.WipeIdentity | fx.ForgetPicture | fx.Record | fx.KeepResume | fx.ForgetResume
    ) -> None:
        match effect:
            case fx.ForgetPicture():
                self._vault.forget_live()
            case fx.WipeIdentity(attempt=attempt):
                self._vault.clear()
                self._face.release()
                self._doors.forget()
                self._health.watch_main_site(None)
                self._tell(ev.Wiped(attempt=attempt))
            case fx.Record():
                self._record(effect)
            case fx.KeepResume(resume=resume):
                self._records.keep_resume(resume)
            case fx.ForgetResume():
                self._records.forget_resume()

    def _record(self, effect: fx.Record) -> None:
        now, facts = time.monotonic(), dict(effect.facts)
        if effect.since:
            facts["duration_s"] = round(now - self._recorded_at.get(effect.since, now), 1)
        self._recorded_at[effect.kind] = now
        self._records.append(effect.kind, effect.session_id, facts)

    # --- answers -------------------------------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        self.journey.handle(event)

    @Slot()
    def _on_card_inserted(self) -> None:
        self._tell(ev.CardInserted())

    @Slot()
    def _on_card_lifted(self) -> None:
        self._tell(ev.CardLifted())

    @Slot(object)
    def _on_card_status_observed(self, status: DeviceStatus) -> None:
        self._health.observe_device(status)

    @Slot(int, object, object)
    def _on_card_read(self, attempt: int, record: IdCardRecord, portrait: Image | None) -> None:
        refusal = self._refusal(record)
        if attempt != self.journey.journey.attempt or refusal is not None:
            overwrite(portrait)  # not even kept when the visit it was read for is over
            if refusal is not None:
                self._on_card_failed(attempt, refusal, None)
            return
        holder = self._vault.take(record, portrait, date.today())  # noqa: DTZ011 - validity is a calendar day at the booth
        self._tell(ev.CardRead(attempt=Attempt(attempt), holder=holder))

    def _refusal(self, record: IdCardRecord) -> ErrorCode | None:
        """Return why this site does not take the card, ``None`` when it does."""
        if record.assurance is not Assurance.SAM_AUTHENTICATED and not self._is_drill:
            return ErrorCode.CARD_READER_BROKEN
        return None if record.card_type in self._card_types else ErrorCode.CARD_WRONG_TYPE

    @Slot(int, object, object)
    def _on_card_failed(self, attempt: int, code: ErrorCode, other_card: OtherCard | None) -> None:
        self._tell(ev.CardFailed(attempt=Attempt(attempt), code=code, other_card=other_card))

    @Slot(int, object)
    def _on_face_picture_kept(self, attempt: int, picture: Image) -> None:
        if attempt == self.journey.journey.attempt:
            self._vault.keep_live(picture)
        else:
            overwrite(picture)

    @Slot(int, object)
    def _on_face_observed(self, attempt: int, observation: Observation) -> None:
        if observation.decision is not None:
            self._record_comparison(attempt, observation)
            outcome = ev.FaceOutcome(observation.decision.value)
            self._tell(ev.FaceDecided(attempt=Attempt(attempt), outcome=outcome))

    def _record_comparison(self, attempt: int, observation: Observation) -> None:
        journey = self.journey.journey
        holder = holder_of(journey.state)
        if attempt == journey.attempt and holder is not None:
            facts = comparison_facts(observation, journey.state, self._face.model)
            self._records.append("face_compared", holder.session_id, facts)

    @Slot(int, object)
    def _on_face_failed(self, attempt: int, code: ErrorCode) -> None:
        self._note_camera(code)
        self._tell(ev.FaceFailed(attempt=Attempt(attempt), code=code))

    def _note_camera(self, code: ErrorCode) -> None:
        if code is ErrorCode.CAMERA_LOST:
            # The board hears of it now, so that the next probe that finds the camera is its return.
            status = DeviceStatus(kind=DeviceKind.CAMERA, state=DeviceState.FAILED, detail="no picture")
            self._health.observe_device(status)

    @Slot(object)
    def on_sound_event(self, event: ev.SoundStepped | ev.SoundChecked) -> None:
        """Tell the journey how the sound check goes."""
        self._tell(event)

    @Slot(object)
    def _on_presence_found(self, event: ev.SeatChanged | ev.SeatTaken) -> None:
        self._tell(event)

    @Slot(object)
    def _on_presence_failed(self, code: ErrorCode) -> None:
        self._note_camera(code)
        holder = holder_of(self.journey.journey.state)
        self._records.append("seat_watch_failed", holder.session_id if holder else "", {"code": code.value})

    @Slot(object)
    def on_condition_raised(self, code: ErrorCode) -> None:
        """Tell the journey what is wrong with the booth, whoever found it; the conference is one of those."""
        self._tell(ev.ConditionRaised(code=code))

    @Slot(object)
    def on_condition_cleared(self, code: ErrorCode) -> None:
        """Tell the journey that this is well again."""
        if code is ErrorCode.STORAGE_FULL and self._records.is_failing:
            return
        self._tell(ev.ConditionCleared(code=code))

    @Slot(object)
    def _on_health_event_found(self, event: HealthEvent) -> None:
        facts: dict[str, fx.Fact] = {"subject": event.subject.value, "detail": event.detail}
        if event.of:
            facts["of"] = event.of
        if event.code is not None:
            facts["code"] = event.code.value
        if event.duration_s is not None:
            facts["duration_s"] = round(event.duration_s, 1)
        self._records.append(event.kind, "", facts)

    @Slot(int, object)
    def _on_checks_checked(self, attempt: int, checks: tuple[Check, ...]) -> None:
        self._tell(ev.ChecksDone(attempt=Attempt(attempt), checks=checks))

    @Slot(object)
    def _on_records_failed(self, _code: ErrorCode) -> None:
        self._tell(ev.ConditionRaised(code=ErrorCode.STORAGE_FULL))

    @Slot()
    def _on_records_recovered(self) -> None:
        if ErrorCode.STORAGE_FULL not in self._health.conditions:
            self._tell(ev.ConditionCleared(code=ErrorCode.STORAGE_FULL))

    @Slot(int)
    def _on_browser_opened(self, attempt: int) -> None:
        self._tell(ev.PageOpened(attempt=Attempt(attempt)))

    @Slot(int, object)
    def _on_browser_failed(self, attempt: int, code: ErrorCode) -> None:
        self._tell(ev.PageFailed(attempt=Attempt(attempt), code=code))

    @Slot(object)
    def _on_browser_lost(self, code: ErrorCode) -> None:
        self._tell(ev.PageFailed(attempt=self.journey.journey.attempt, code=code))

    @Slot(str, str)
    def _on_browser_navigation_refused(self, host: str, reason: str) -> None:
        facts: dict[str, fx.Fact] = {"host": host, "reason": reason, "code": ErrorCode.ACTION_NOT_ALLOWED.value}
        self._records.append("navigation_refused", "", facts)
