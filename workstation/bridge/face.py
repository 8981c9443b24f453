"""The camera's thread: live pictures to the screen and to the face worker, one decision back, or a watched seat."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from drivers.contracts import Camera, CancelToken, Image
from drivers.errors import CancelledError, ErrorCode, KioskError
from workstation.face.client import FaceClient
from workstation.face.coaching import Coaching
from workstation.face.contract import ReferenceKind
from workstation.face.liveness import Action, ChallengePolicy
from workstation.face.seat import observed
from workstation.face.verification import Observation
from workstation.identity.review import head_and_shoulders
from workstation.logs import log_event

from .threads import Lane

_log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 3.0
NOBODY_INTERVAL_S = 0.33
"""While nobody is there three frames a second are looked at; the mirror shows them all."""
WATCH_INTERVAL_S = 0.6
"""A frame and its faces take 0.1 s more: between one and two frames a second."""
WATCH_RETRY_S = 2.0


def to_qimage(image: Image) -> QImage:
    """Return a deep copy of a BGR picture for the screen."""
    height, width, _ = image.shape
    return QImage(image.tobytes(), width, height, 3 * width, QImage.Format.Format_BGR888).copy()


class FaceBridge(QObject):
    """Camera and comparison share one thread: a frame is taken when the one before was compared.

    Signals (emitted in the camera's thread):
        frame_captured(int attempt, QImage): a live picture.
        picture_kept(int attempt, Image): the newest picture good enough for a reviewer, head and shoulders.
        observed(int attempt, Observation): what the worker saw in it; carries the decision when there is one.
        failed(int attempt, ErrorCode): camera lost, worker lost, or no face in the reference.
        seat_observed(int attempt, SeatObservation): what a frame of the presence watch showed.
        seat_lost(int attempt, ErrorCode): camera or worker lost; the watch goes on by itself when they are back.
    """

    frame_captured = Signal(int, QImage)
    picture_kept = Signal(int, object)
    observed = Signal(int, object)
    failed = Signal(int, object)
    seat_observed = Signal(int, object)
    seat_lost = Signal(int, object)

    def __init__(
        self,
        camera: Camera,
        make_client: Callable[[], FaceClient],
        *,
        challenges: ChallengePolicy,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._camera = camera
        self._make_client = make_client
        self._challenges = challenges
        self._client: FaceClient | None = None
        self._lock = threading.Lock()
        self._running = CancelToken()
        self.lane = Lane("dev-camera", self)

    @property
    def model(self) -> str:
        """Name, version and manifest hash (12 digits) of the networks in use, "" while no worker runs."""
        identity = self._client.identity if self._client else None
        return f"{identity.name} {identity.version} {identity.sha256[:12]}" if identity else ""

    def prepare(self) -> None:
        """Start the face worker if none runs: its networks are loaded before anybody needs them."""
        self.lane.submit(self._prepare)

    def start(self, attempt: int, portrait: Image, kind: ReferenceKind = ReferenceKind.CARD_PHOTO) -> None:
        """Compare live pictures with ``portrait`` until decided or stopped; ``kind`` sets the threshold."""
        token = self._take_over()
        self.lane.submit(lambda: self._run(attempt, portrait, kind, token))

    def unlock(self, attempt: int) -> None:
        """Compare live pictures with the person whom the last match enrolled, until decided or stopped."""
        token = self._take_over()
        self.lane.submit(lambda: self._compare(attempt, lambda client: client.use_enrolled(self._challenges), token))

    def watch(self, attempt: int) -> None:
        """Look at the seat once or twice a second until stopped; whatever fails is tried again."""
        token = self._take_over()
        self.lane.submit(lambda: self._watch(attempt, token))

    def stop(self) -> None:
        """Close the camera and let the worker forget what was compared. Returns at once."""
        with self._lock:
            self._running.cancel()

    def release(self) -> None:
        """After a visit let a new worker take the old one's place: whatever that knew is gone with its memory."""
        self.lane.submit(self._release)

    def close(self) -> None:
        """End the thread and the worker."""
        self.stop()
        self.lane.close()
        if self._client is not None:
            self._client.close()

    def _prepare(self) -> None:
        self._forget()  # notices a worker that died while nobody sat here
        try:
            self._started()
        except KioskError:
            return  # the attempt that follows meets the same failure and reports it

    def _release(self) -> None:
        if self._client is not None and self._client.has_seen:
            self._client.close()
            self._prepare()

    def _started(self) -> FaceClient:
        if self._client is None:
            self._client = self._make_client()
        self._client.start()
        return self._client

    def _take_over(self) -> CancelToken:
        token = CancelToken()
        with self._lock:
            self._running.cancel()
            self._running = token
        return token

    def _run(self, attempt: int, portrait: Image, kind: ReferenceKind, token: CancelToken) -> None:
        try:
            self._compare(attempt, lambda client: client.set_reference(portrait, kind, self._challenges), token)
        finally:
            portrait.fill(0)

    def _compare(self, attempt: int, set_reference: Callable[[FaceClient], bool], token: CancelToken) -> None:
        try:
            client = self._started()
            if not set_reference(client):
                raise KioskError(ErrorCode.CARD_PHOTO_UNUSABLE)
            if not token.is_cancelled:
                self._camera.open()
                self._observe(attempt, client, token)
        except CancelledError:
            return
        except KioskError as error:
            if not token.is_cancelled:
                self.failed.emit(attempt, error.code)
        finally:
            self._camera.close()
            self._forget()

    def _watch(self, attempt: int, token: CancelToken) -> None:
        while not token.is_cancelled:
            try:
                self._watch_seat(attempt, token)
            except CancelledError:
                return
            except KioskError as error:
                if not token.is_cancelled:
                    self.seat_lost.emit(attempt, error.code)
            finally:
                self._camera.close()
            token.wait(WATCH_RETRY_S)

    def _watch_seat(self, attempt: int, token: CancelToken) -> None:
        client = self._started()
        self._camera.open()
        while not token.wait(WATCH_INTERVAL_S):
            frame = self._camera.read(timeout_s=FRAME_TIMEOUT_S)
            self.seat_observed.emit(attempt, observed(client.watch(frame.image), frame))

    def _observe(self, attempt: int, client: FaceClient, token: CancelToken) -> None:
        prompt: Action | None = None
        has_good = False
        looks_at = 0.0
        while not token.is_cancelled:
            frame = self._camera.read(timeout_s=FRAME_TIMEOUT_S)
            self.frame_captured.emit(attempt, to_qimage(frame.image))
            if frame.captured_at < looks_at:
                continue
            observation = client.observe(frame.image, frame.captured_at)
            has_good = self._keep_picture(attempt, frame.image, observation, has_good=has_good)
            self.observed.emit(attempt, observation)
            if observation.prompt is not None and observation.prompt is not prompt:
                log_event(_log, "face_prompted", action=observation.prompt.value)
            prompt = observation.prompt
            looks_at = frame.captured_at + (0.0 if observation.face_count else NOBODY_INTERVAL_S)
            if observation.decision is not None:
                return

    def _keep_picture(self, attempt: int, image: Image, observation: Observation, *, has_good: bool) -> bool:
        """Hand out what a reviewer could use: a good frame, or as long as there was none, one with a single face.

        Somebody who answers a challenge turns away or grimaces: good is who looks ahead.
        """
        is_good = observation.coaching is Coaching.NONE and observation.prompt is None
        if observation.box is not None and observation.face_count == 1 and (is_good or not has_good):
            self.picture_kept.emit(attempt, head_and_shoulders(image, observation.box))
        return has_good or is_good

    def _forget(self) -> None:
        if self._client is None:
            return
        try:
            self._client.reset()
        except KioskError:
            return  # the worker is gone, and what it knew with it
