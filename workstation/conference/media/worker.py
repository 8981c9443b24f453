"""The media process at work: takes orders and pictures from its stdin, reports on its stdout.

It lives exactly as long as its stdin is open. A thread that fails ends it: nothing leaves a process that is gone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from drivers.contracts import Image
from workstation.conference.contract import Anonymity, MediaFault, MediaStatus, PacketKind
from workstation.conference.media.feed import Feed
from workstation.conference.media.gate import Gate
from workstation.conference.media.mask import Detector, Masker
from workstation.conference.media.mask_proof import MaskProof
from workstation.conference.media.pictures import PROOFS_NEEDED, Pictures
from workstation.conference.media.sounds import Capture, Playback, Sounds
from workstation.conference.media.valve import Outlet, Valve
from workstation.conference.media.voice_proof import Changer
from workstation.conference.media.wire import Order, Picture, Report
from workstation.face.frames import SharedFrame
from workstation.face.wire import read_message, write_message

STATUS_S: Final = 0.1
BROKEN: Final = 3
"""Exit status after a thread failed."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a process is made of; tests put other parts in.

    Attributes:
        detector: makes face detectors, one for the mask and one for its proof.
        make_changer: makes voice changers that all do the same.
        open_capture, open_playback: see ``Sounds``.
    """

    detector: Callable[[], Detector]
    make_changer: Callable[[], Changer]
    open_capture: Callable[[str], Capture]
    open_playback: Callable[[str], Playback]


class Reporter:
    """Writes reports, from any thread, and previews while the application keeps up with them."""

    def __init__(self, stream: BinaryIO, preview: SharedFrame) -> None:
        self._stream, self._frame = stream, preview
        self._lock = threading.Lock()
        self._is_seen = threading.Event()
        self._is_seen.set()

    def report(self, report: Report) -> None:
        """Send a report. The process ends when nobody takes it."""
        with self._lock:
            try:
                write_message(self._stream, report)
            except OSError:
                os._exit(0)

    def preview(self, image: Image) -> None:
        """Show a picture, unless the last one was not looked at yet."""
        if self._is_seen.is_set():
            self._is_seen.clear()
            self._frame.write(np.ascontiguousarray(image))
            height, width = image.shape[:2]
            self.report(Report(preview=Picture(height=height, width=width)))

    def preview_seen(self) -> None:
        """The preview may be written again."""
        self._is_seen.set()


def make_pictures(anonymity: Anonymity, parts: Parts, outlet: Outlet, preview: Callable[[Image], None]) -> Pictures:
    """Put the camera's way together."""
    gate = Gate(demanded=anonymity.mask, protection=MediaFault.MASK, device=MediaFault.CAMERA, needed=PROOFS_NEEDED)
    return Pictures(
        Valve(PacketKind.VIDEO, gate, outlet),
        masker=Masker(parts.detector()) if anonymity.mask else None,
        proof=MaskProof(parts.detector()) if anonymity.mask else None,
        preview=preview,
    )


def make_sounds(anonymity: Anonymity, parts: Parts, outlet: Outlet) -> Sounds:
    """Put the microphone's way together."""
    gate = Gate(demanded=anonymity.voice, protection=MediaFault.VOICE, device=MediaFault.MICROPHONE)
    return Sounds(
        Valve(PacketKind.AUDIO, gate, outlet),
        make=parts.make_changer if anonymity.voice else None,
        open_capture=parts.open_capture,
        open_playback=parts.open_playback,
    )


def serve(
    anonymity: Anonymity, parts: Parts, frames: tuple[SharedFrame, SharedFrame], pipes: tuple[BinaryIO, BinaryIO]
) -> None:
    """Work until stdin ends, which ends the process.

    Args:
        anonymity: what the project demands.
        parts: see there.
        frames: the camera's pictures, and the previews.
        pipes: orders come from the first, reports go to the second.
    """
    threading.excepthook = _end_process
    camera, preview = frames
    orders, reports = pipes
    feed = Feed()
    reporter = Reporter(reports, preview)
    pictures = make_pictures(anonymity, parts, feed, reporter.preview)
    sounds = make_sounds(anonymity, parts, feed)
    arrived: queue.SimpleQueue[Picture] = queue.SimpleQueue()

    def listen() -> None:
        while (order := read_message(orders, Order)) is not None:
            if order.wish is not None:
                pictures.wish(order.wish)
                sounds.wish(order.wish)
            if order.camera is not None:
                arrived.put(order.camera)
            if order.preview_seen:
                reporter.preview_seen()
        os._exit(0)

    def look() -> None:
        while True:
            picture = arrived.get()
            pictures.show(camera.read(picture.height, picture.width), picture.captured_at)
            reporter.report(Report(taken=True))

    reporter.report(Report(address=feed.address))
    for name, run in (("media-orders", listen), ("media-pictures", look), ("media-sounds", sounds.run)):
        threading.Thread(target=run, name=name, daemon=True).start()
    pause = threading.Event()
    while not pause.wait(STATUS_S):
        pictures.tick()
        sounds.tick()
        reporter.report(Report(status=status(pictures, sounds)))


def status(pictures: Pictures, sounds: Sounds) -> MediaStatus:
    """Say how both streams stand."""
    video, voice, heard = pictures.valve.gate, sounds.valve.gate, sounds.meter.reading
    return MediaStatus(
        video=video.phase,
        voice=voice.phase,
        video_fault=video.fault,
        voice_fault=voice.fault,
        level_dbfs=heard.level_dbfs,
        peak_dbfs=heard.peak_dbfs,
        is_clipping=heard.is_clipping,
        speaking=heard.speaking,
        frames=pictures.valve.sent,
        packets=sounds.valve.sent,
        is_covered=pictures.is_covered,
    )


def _end_process(failure: threading.ExceptHookArgs) -> None:
    # Only the kind of failure: its text may quote what it failed on.
    with contextlib.suppress(OSError):
        os.write(2, f"{failure.exc_type.__name__}\n".encode())
    os._exit(BROKEN)
