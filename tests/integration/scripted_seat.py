"""A camera and a face worker that see what a test says, for everything that only follows from it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, Frame, Image
from drivers.errors import DeviceError, ErrorCode, KioskError
from workstation.face.coaching import Coaching
from workstation.face.liveness import ChallengePolicy
from workstation.face.seat import SeatLook, SeatObservation
from workstation.face.verification import Decision, Observation

EXPERT = SeatObservation(captured_at=0, face_count=1, is_expert=True, is_covered=False, is_frozen=False)
EMPTY = replace(EXPERT, face_count=0, is_expert=None)
TWO = replace(EXPERT, face_count=2)
STRANGER = replace(EXPERT, is_expert=False)


class ScriptedCamera:
    """Frames of nothing, unless it is unplugged."""

    def __init__(self) -> None:
        self.is_plugged = threading.Event()
        self.is_plugged.set()
        self.is_open = False
        self.opened = 0

    def present(self) -> DeviceStatus:
        return DeviceStatus(kind=DeviceKind.CAMERA, state=DeviceState.READY)

    def open(self) -> None:
        self._require_plugged()
        self.is_open = True
        self.opened += 1

    def read(self, *, timeout_s: float) -> Frame:
        self._require_plugged()
        return Frame(image=np.zeros((8, 8, 3), np.uint8), captured_at=time.monotonic())

    def close(self) -> None:
        self.is_open = False

    def _require_plugged(self) -> None:
        if not self.is_plugged.is_set():
            raise DeviceError(ErrorCode.CAMERA_LOST)


class ScriptedClient:
    """A face worker that sees what the test says."""

    identity = None
    has_seen = False

    def __init__(self) -> None:
        self.seen = EXPERT
        self.is_broken = False
        self.is_enrolled = True
        self.decision = Decision.MATCH
        self.resets = 0

    def start(self) -> None: ...

    def close(self) -> None: ...

    def reset(self) -> None:
        self.resets += 1

    def use_enrolled(self, challenges: ChallengePolicy) -> bool:
        return self.is_enrolled

    def watch(self, image: Image) -> SeatLook:
        if self.is_broken:
            raise KioskError(ErrorCode.FACE_ENGINE_FAILED)
        return SeatLook(face_count=self.seen.face_count, is_expert=self.seen.is_expert)

    def observe(self, image: Image, captured_at: float) -> Observation:
        return Observation(
            face_count=1, box=None, coaching=Coaching.NONE, kept_probes=5, needed_probes=5, decision=self.decision,
            similarity_score=0.5,
        )  # fmt: skip
