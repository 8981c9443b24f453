"""Requests to the site server and the report loop, each in its own thread; answers become signals."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from PySide6.QtCore import QObject, Signal

from drivers.contracts import CancelToken, Image
from drivers.errors import ErrorCode, KioskError
from workstation.health.probes import read_clock, read_link
from workstation.health.readings import Moment
from workstation.identity.reference import decode_reference
from workstation.identity.review import to_jpeg
from workstation.identity.vault import Evidence
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.contract import (
    ArrivalRequest,
    BoothInfo,
    Command,
    LaunchRequest,
    PhotoRequest,
    ReviewRequest,
    VerificationMethod,
)
from workstation.site.outbox import Reporter
from workstation.site.readings import ReadingKind, ReadingReport

from .threads import Lane, SupervisedLoop

BOOTH_INTERVAL_S = 300.0
MIN_INTERVAL_S = 0.1


class SiteBridge(QObject):
    """Signals are emitted in the site threads.

    Signals:
        booth_changed(BoothInfo): what the site says about this booth.
        photo_answered(int attempt, Image | None): answer to ``fetch_photo``.
        review_answered(int attempt, bool taken): answer to ``review``; not taken where a person comes instead.
        arrival_recorded(int attempt, str expert_hash, str elsewhere): answer to ``arrive``.
        match_answered(int attempt, MatchReply): answer to ``match``.
        launch_granted(int attempt, Launch): answer to ``launch``.
        request_failed(int attempt, ErrorCode): no good answer to one of the five.
        command_received(Command): an order of the site.
        reading_taken(Reading): link and clock, measured by the reports.
    """

    booth_changed = Signal(object)
    photo_answered = Signal(int, object)
    review_answered = Signal(int, bool)
    arrival_recorded = Signal(int, str, str)
    match_answered = Signal(int, object)
    launch_granted = Signal(int, object)
    request_failed = Signal(int, object)
    command_received = Signal(object)
    reading_taken = Signal(object)

    def __init__(
        self,
        client: SiteClient,
        journal: Journal,
        *,
        collect: Callable[[], list[ReadingReport]],
        state: Callable[[], str],
        version: str,
        keep: timedelta,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._client = client
        self._booth: BoothInfo | None = None
        self._booth_due = 0.0
        self._wake = threading.Event()
        self._reporter = Reporter(journal, client, collect, state, self._on_command, version=version, keep=keep)
        self._loop = SupervisedLoop("site-reports", self._report)
        self.lane = Lane("site-requests", self)

    def start(self) -> None:
        """Begin to report."""
        self._loop.start()

    def stop(self) -> None:
        """End both threads."""
        self._wake.set()
        self._loop.stop()
        self.lane.close()
        self._client.close()

    def report_soon(self) -> None:
        """Send the next report now: something that somebody waits for was journaled."""
        self._wake.set()

    def fetch_photo(self, attempt: int, hash_with: Callable[[bytes], str | None]) -> None:
        """Ask for the site's photo of the person; ``hash_with`` as for ``arrive``."""
        self._request(attempt, lambda: self._fetch_photo(attempt, hash_with))

    def review(
        self,
        attempt: int,
        session_id: str,
        code: str,
        evidence_with: Callable[[bytes], Evidence | None],
        *,
        may_repeat: bool,
    ) -> None:
        """Give the reviewer the pictures. ``evidence_with`` makes them, and the keyed hash from the key of the day."""
        self._request(attempt, lambda: self._review(attempt, session_id, code, evidence_with, may_repeat=may_repeat))

    def arrive(self, attempt: int, session_id: str, method: str, hash_with: Callable[[bytes], str | None]) -> None:
        """Report an arrival. ``hash_with`` turns the key of the day into the expert's keyed hash."""
        self._request(attempt, lambda: self._arrive(attempt, session_id, method, hash_with))

    def match(self, attempt: int, session_id: str) -> None:
        """Ask whose seat this is."""
        self._request(attempt, lambda: self.match_answered.emit(attempt, self._client.match(UUID(session_id))))

    def launch(self, attempt: int, session_id: str, project_id: str, *, by_account: bool = False) -> None:
        """Ask for a ticket, or for the expert's account. The same attempt repeated gets the same ticket."""
        request = LaunchRequest(
            launch_id=uuid5(NAMESPACE_URL, f"{session_id}/launch/{attempt}"),
            arrival_id=UUID(session_id),
            project_id=project_id,
            by_account=by_account,
        )
        self._request(attempt, lambda: self.launch_granted.emit(attempt, self._client.launch(request)))

    def _request(self, attempt: int, call: Callable[[], None]) -> None:
        self.lane.submit(lambda: self._guarded(attempt, call))

    def _guarded(self, attempt: int, call: Callable[[], None]) -> None:
        try:
            call()
            if self._reporter.is_away:
                self._wake.set()  # it is back: what waits in the journal need not sit out the back-off
        except KioskError as error:
            if error.code is ErrorCode.INTERNAL:
                self._booth = None  # a key of yesterday is refused so: the next try fetches today's
            code = ErrorCode.SITE_SERVER_UNREACHABLE if error.code is ErrorCode.INTERNAL else error.code
            self.request_failed.emit(attempt, code)

    def _fetch_photo(self, attempt: int, hash_with: Callable[[bytes], str | None]) -> None:
        booth = self._booth or self._fetch_booth()
        expert_hash = hash_with(bytes.fromhex(booth.arrival_key))
        if expert_hash is None:
            return  # the person left meanwhile
        data = self._client.photo(PhotoRequest(key_id=booth.key_id, expert_hash=expert_hash))
        picture: Image | None = None if data is None else decode_reference(data)
        self.photo_answered.emit(attempt, picture)

    def _review(
        self,
        attempt: int,
        session_id: str,
        code: str,
        evidence_with: Callable[[bytes], Evidence | None],
        *,
        may_repeat: bool,
    ) -> None:
        booth = self._booth or self._fetch_booth()
        evidence = evidence_with(bytes.fromhex(booth.arrival_key))
        if evidence is None:
            return  # the person left meanwhile
        request = ReviewRequest(
            attempt=attempt,
            code=code,
            may_repeat=may_repeat,
            key_id=booth.key_id,
            expert_hash=evidence.expert_hash,
            card_year=evidence.card_year,
            card_photo=_encoded(evidence.card_photo),
            live_photo=_encoded(evidence.live_picture),
        )
        evidence.overwrite()
        self.review_answered.emit(attempt, self._client.review(UUID(session_id), request))

    def _arrive(self, attempt: int, session_id: str, method: str, hash_with: Callable[[bytes], str | None]) -> None:
        booth = self._booth or self._fetch_booth()
        expert_hash = hash_with(bytes.fromhex(booth.arrival_key))
        if expert_hash is None:
            return  # the person left meanwhile
        reply = self._client.arrive(
            ArrivalRequest(
                arrival_id=UUID(session_id),
                key_id=booth.key_id,
                expert_hash=expert_hash,
                method=VerificationMethod(method),
                verified_at=datetime.now(UTC),
            )
        )
        self.arrival_recorded.emit(attempt, expert_hash, reply.signed_in_elsewhere or "")

    def _fetch_booth(self) -> BoothInfo:
        booth = self._client.booth()
        self._booth = booth
        self.booth_changed.emit(booth)
        return booth

    def _report(self, cancel: CancelToken) -> None:
        cancel.on_cancel(self._wake.set)
        while not cancel.is_cancelled:
            interval_s = self._reporter.report_once()
            self._measure()
            self._refresh_booth()
            self._wake.wait(max(interval_s, MIN_INTERVAL_S))
            self._wake.clear()

    def _refresh_booth(self) -> None:
        now = Moment.now().monotonic_s
        if self._reporter.is_away or (self._booth is not None and now < self._booth_due):
            return
        try:
            self._fetch_booth()
            self._booth_due = now + BOOTH_INTERVAL_S
        except KioskError:
            return  # the next round asks again; the link's state is told by the report itself

    def _measure(self) -> None:
        at, measured = Moment.now(), self._client.measured
        if self._reporter.is_away or measured is None:
            self.reading_taken.emit(read_link(ReadingKind.SITE, at, code=ErrorCode.SITE_SERVER_UNREACHABLE))
            return
        round_trip_s = measured.round_trip_s
        self.reading_taken.emit(read_link(ReadingKind.SITE, at, code=None, round_trip_s=round_trip_s))
        server_time = at.utc + timedelta(seconds=measured.clock_offset_s - round_trip_s / 2)
        self.reading_taken.emit(read_clock(server_time, round_trip_s=round_trip_s, at=at))

    def _on_command(self, command: Command) -> None:
        self.command_received.emit(command)


def _encoded(picture: Image | None) -> bytes | None:
    return None if picture is None else b64encode(to_jpeg(picture))
