"""The camera's way through the process: masked, proved, and out through the valve or to the expert's own screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from drivers.contracts import Image
from drivers.errors import KioskError
from workstation.conference.contract import MediaWish, StreamPhase
from workstation.conference.media.gate import DeviceBack, DeviceLost, Passed, Proved, Refuted, Wished
from workstation.conference.media.i420 import fitted, i420
from workstation.conference.media.mask import Masker
from workstation.conference.media.mask_proof import MaskProof
from workstation.conference.media.valve import Valve

QUIET_S: Final = 1.5
"""A camera that gives nothing for so long is lost."""
PROOFS_NEEDED: Final = 10
"""Proved pictures in a row before the first one leaves."""


class Pictures:
    """One camera. One thread shows pictures; ``wish`` and ``tick`` come from others.

    Args:
        valve: the way out.
        masker, proof: both ``None`` when the project demands no mask.
        preview: takes a processed picture for the expert's own screen.
    """

    def __init__(
        self,
        valve: Valve,
        *,
        masker: Masker | None,
        proof: MaskProof | None,
        preview: Callable[[Image], None],
    ) -> None:
        self.valve = valve
        self._masker, self._proof, self._preview = masker, proof, preview
        self._wish = MediaWish()
        self._lock = threading.Lock()
        self._in_work = False
        self._last_at = 0.0
        self.is_covered = False

    def wish(self, wish: MediaWish) -> None:
        """Take what is wanted from now on."""
        with self._lock:
            was_wanted, self._wish = _is_wanted(self._wish), wish
            if _is_wanted(wish) and not was_wanted:
                self._last_at = time.monotonic()
        self.valve.tell(Wished(wish.camera and not wish.preview, time.monotonic()))

    def tick(self) -> None:
        """Look at the time: a picture may be stuck in here, or none may come."""
        with self._lock:
            in_work, quiet_s = self._in_work, time.monotonic() - self._last_at
        if in_work:
            self.valve.tell(Passed(time.monotonic()))
        elif quiet_s > QUIET_S:
            self.valve.tell(DeviceLost())

    def show(self, image: Image, captured_at: float) -> None:
        """Process one picture; ``captured_at`` in monotonic seconds."""
        with self._lock:
            wish, self._in_work, self._last_at = self._wish, True, time.monotonic()
        try:
            if _is_wanted(wish):
                self.valve.tell(DeviceBack(time.monotonic()))
                self._release(fitted(image), captured_at, wish)
        finally:
            with self._lock:
                self._in_work, self._last_at = False, time.monotonic()

    def _release(self, image: Image, captured_at: float, wish: MediaWish) -> None:
        if self._masker is None or self._proof is None:
            released, self.is_covered = image, False
        else:
            try:
                released = self._masked(image, self._masker, self._proof)
            except KioskError:
                self.valve.tell(Refuted())
                return
        height, width = released.shape[:2]
        if self.valve.gate.is_open:
            self.valve.send_picture(width, height, captured_at, i420(released).tobytes())
        if wish.preview:
            self._preview(released)

    def _masked(self, image: Image, masker: Masker, proof: MaskProof) -> Image:
        """Return the masked picture; the gate knows by then what a proof says of it."""
        masked = masker.mask(image.copy())
        self.is_covered = masked.is_covered
        is_unproved = self.valve.gate.phase in {StreamPhase.PROVING, StreamPhase.STOPPED}
        if proof.is_due(masked, time.monotonic(), always=is_unproved):
            holds = proof.holds(image, masked.image)
            self.valve.tell(Proved(time.monotonic()) if holds else Refuted())
        return masked.image


def _is_wanted(wish: MediaWish) -> bool:
    return wish.camera or wish.preview
