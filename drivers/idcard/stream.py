"""Collects a reply that comes in portions, as serial ports and USB pipes deliver it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.sdt import MAX_LENGTH, FrameDecoder, FrameError, wipe

CANCEL_CHECK_S: Final = 0.05
"""A portion is waited for at most this long, so that a cancel token is seen soon."""
_MAX_RAW: Final = 4 * MAX_LENGTH
_PAUSE_S: Final = 0.005


def collect_reply(receive: Callable[[], bytes], *, deadline: float, cancel: CancelToken) -> tuple[bytearray, bool]:
    """Return all bytes up to the end of the first frame, and whether it is sound; the session judges it.

    Args:
        receive: returns what came, after at most ``CANCEL_CHECK_S`` seconds; ``b""`` when nothing did.
        deadline: of the whole reply, on ``time.monotonic()``.
        cancel: ends the wait.

    Raises:
        DeviceError: CARD_UNREADABLE when no frame was complete in time, or nothing but garbage comes.
        CancelledError: ``cancel`` was set.
    """
    raw = bytearray()
    decoder = FrameDecoder()
    try:
        while True:
            portion = receive()
            raw += portion
            is_sound = _feed(decoder, portion)
            if is_sound is not None:
                reply, raw = raw, bytearray()
                return reply, is_sound
            if cancel.is_cancelled:
                raise CancelledError
            if time.monotonic() >= deadline:
                raise DeviceError(ErrorCode.CARD_UNREADABLE, "no reply in time", context={"received": len(raw)})
            if len(raw) > _MAX_RAW:
                raise DeviceError(ErrorCode.CARD_UNREADABLE, "no frame in what comes")
            if not portion:
                cancel.wait(_PAUSE_S)  # A device that answers with nothing at once must not keep a core busy.
    finally:
        wipe(raw)
        decoder.clear()


def _feed(decoder: FrameDecoder, portion: bytes) -> bool | None:
    """Return whether the frame that is complete now is sound, ``None`` while more is needed."""
    try:
        payload = decoder.feed(portion)
    except FrameError:
        return False
    if payload is None:
        return None
    wipe(payload)
    return True
