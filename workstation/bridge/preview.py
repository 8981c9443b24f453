"""The expert's own picture as the others will see it, before the meeting: camera in, processed picture out."""

from __future__ import annotations

import logging
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from drivers.contracts import Camera, CancelToken, Frame, Image
from drivers.errors import KioskError
from workstation.conference.contract import Anonymity, MediaAddress, MediaWish

from .face import to_qimage
from .threads import Lane

_log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 3.0
PICTURE_TIMEOUT_S = 1.0
"""A picture that takes longer is shown when it comes; the camera is asked again meanwhile."""
RETRY_S = 2.0


class PreviewMedia(Protocol):
    """What is needed of ``workstation.conference.media.client.MediaClient``."""

    def start(self, anonymity: Anonymity) -> MediaAddress:
        """Run the media process. Raises ``KioskError``."""

    def wish(self, wish: MediaWish) -> None:
        """Say what is wanted from now on."""

    def offer(self, frame: Frame) -> bool:
        """Give a camera picture; false when it is not taken."""

    def wait_preview(self, timeout_s: float) -> Image | None:
        """Wait for the next processed picture."""

    def close(self) -> None:
        """End the process."""


class PreviewBridge(QObject):
    """Called in the GUI thread; camera and media process are used in the lane's thread only.

    Args:
        media: the media process's client; of this bridge alone.
        camera: this bridge's own reader of the camera.

    Signals (emitted in the lane's thread):
        frame_taken(QImage): the processed picture. Nothing of an unprocessed one ever comes out here.
    """

    frame_taken = Signal(QImage)

    def __init__(self, media: PreviewMedia, camera: Camera, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._media, self._camera = media, camera
        self._token: CancelToken | None = None
        self._anonymity = Anonymity()
        self.lane = Lane("preview", self)

    def start(self, anonymity: Anonymity) -> None:
        """Begin; a preview that runs with the same protection goes on."""
        if self._token is not None and self._anonymity == anonymity:
            return
        self.stop()
        self._token, self._anonymity = CancelToken(), anonymity
        self.lane.submit(partial(self._run, self._token, anonymity))

    def stop(self) -> None:
        """End it. Idempotent."""
        token, self._token = self._token, None
        if token is not None:
            token.cancel()

    def close(self) -> None:
        """End it and the thread."""
        self.stop()
        self.lane.close()

    # --- in the lane's thread ---

    def _run(self, token: CancelToken, anonymity: Anonymity) -> None:
        while not token.is_cancelled:
            try:
                self._media.start(anonymity)
                self._media.wish(MediaWish(preview=True))
                self._camera.open()
                self._show(token)
            except KioskError as error:
                if not token.is_cancelled:
                    _log.info("no preview: %s", error)
            finally:
                self._camera.close()
                self._media.close()
            token.wait(RETRY_S)

    def _show(self, token: CancelToken) -> None:
        """Raises ``KioskError`` when the camera is lost."""
        while not token.is_cancelled:
            self._media.offer(self._camera.read(timeout_s=FRAME_TIMEOUT_S))
            picture = self._media.wait_preview(PICTURE_TIMEOUT_S)
            if picture is not None and not token.is_cancelled:
                self.frame_taken.emit(to_qimage(picture))
