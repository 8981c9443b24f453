"""The cameras of a Linux machine: under which lasting names, what each can do. Asks only; starts no capture.

Opening a node for these questions wakes the camera but streams nothing. Names under /dev/v4l/by-id stay with the camera
when it is plugged in elsewhere or found later than another one; the number in /dev/video0 does neither.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from drivers.camera import v4l2_wire as wire
from drivers.camera.modes import FORMATS, Mode

if sys.platform == "linux":
    import fcntl

    def _ioctl(descriptor: int, request: int, buffer: bytearray) -> None:
        fcntl.ioctl(descriptor, request, buffer, True)


Ioctl = Callable[[int, int, bytearray], None]
"""Asks a descriptor; the answer replaces the buffer's content. Raises ``OSError`` as ioctl(2) does."""

_MAX_ANSWERS: Final = 64
"""Per enumeration: a device that never says "no more" must not keep us asking."""


class NotACamera(StrEnum):
    """Why a path is no camera that can be used, in words for the administrator."""

    GONE = "nothing there"
    FORBIDDEN = "not permitted; the user must be in the group video"
    BUSY = "in use by another program"
    NO_VIDEO = "no video device"
    NO_CAPTURE = "a video device that captures no pictures"


class NotACameraError(Exception):
    """A path is no camera that can be used.

    Attributes:
        why: the reason.
    """

    def __init__(self, why: NotACamera) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True, kw_only=True)
class CameraSeen:
    """One camera.

    Attributes:
        path: its lasting name: under /dev/v4l/by-id, else by-path, else its node.
        node: its device node now.
        name: the product's name.
        bus: where it is plugged in, "" when not known.
        modes: how it can capture.
        problem: why it cannot be used although it may be a camera, ``None`` when it can.
    """

    path: Path
    node: Path
    name: str
    bus: str = ""
    modes: tuple[Mode, ...] = ()
    problem: NotACamera | None = None

    @property
    def is_colour(self) -> bool:
        """Whether it gives pictures that faces can be compared in, as far as it says what it gives."""
        return self.problem is None and (not self.modes or any(mode.fourcc in FORMATS for mode in self.modes))


class VideoNodes:
    """The video devices below a root directory; tests bring a root and a kernel of their own."""

    def __init__(self, root: Path = Path("/"), ioctl: Ioctl | None = None) -> None:
        self._root = root
        self._dev = root / "dev"
        self._sys = root / "sys" / "class" / "video4linux"
        self._ioctl: Ioctl = ioctl or _ioctl

    def cameras(self) -> tuple[CameraSeen, ...]:
        """Return every camera in the order of the nodes' numbers, those that may not be asked with their problem."""
        return tuple(self._cameras())

    def node(self, source: int | str) -> Path | None:
        """Return the device node that ``source`` means now: a number, a path or link, or "" for the first camera."""
        if source == "":
            return self._first()
        path = self._dev / f"video{source}" if isinstance(source, int) else self._root / source.lstrip("/")
        return path.resolve() if path.exists() else None

    def name(self, node: Path) -> str:
        """Return the product's name as the kernel keeps it, without opening the device; "" when not known."""
        try:
            return wire.printable((self._sys / node.name / "name").read_bytes())
        except OSError:
            return ""

    def lasting(self, node: Path) -> Path:
        """Return the name under which this camera is found again."""
        for folder in ("by-id", "by-path"):
            links = sorted((self._dev / "v4l" / folder).glob("*"))
            found = next((link for link in links if link.resolve() == node.resolve()), None)
            if found is not None:
                return found
        return node

    def inspect(self, node: Path) -> CameraSeen:
        """Ask one device node.

        Raises:
            NotACameraError: it is none, or may not be asked.
        """
        with self._opened(node) as descriptor:
            buffer = wire.ask_capability()
            self._ioctl(descriptor, wire.QUERYCAP, buffer)
            capability = wire.parse_capability(buffer)
            if not capability.buffer_type:
                raise NotACameraError(NotACamera.NO_CAPTURE)
            modes = tuple(dict.fromkeys(self._modes(descriptor, capability.buffer_type)))
        name = self.name(node) or capability.card
        return CameraSeen(path=self.lasting(node), node=node, name=name, bus=capability.bus, modes=modes)

    def _first(self) -> Path | None:
        """Return the first camera that can be used, else the first that may not be, so that somebody is told."""
        cameras = self.cameras()
        usable = (camera.node for camera in cameras if camera.is_colour)
        refused = (camera.node for camera in cameras if camera.problem)
        return next(usable, None) or next(refused, None)

    def _cameras(self) -> Iterator[CameraSeen]:
        nodes = [path for path in self._dev.glob("video*") if re.fullmatch(r"video\d+", path.name)]
        for node in sorted(nodes, key=lambda path: int(path.name.removeprefix("video"))):
            try:
                yield self.inspect(node)
            except NotACameraError as error:
                if error.why in {NotACamera.FORBIDDEN, NotACamera.BUSY}:
                    yield CameraSeen(path=self.lasting(node), node=node, name=self.name(node), problem=error.why)

    @contextmanager
    def _opened(self, node: Path) -> Iterator[int]:
        try:
            descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotACameraError(_WHY.get(error.errno or 0, NotACamera.GONE)) from error

    def _modes(self, descriptor: int, buffer_type: int) -> Iterator[Mode]:
        for index in range(_MAX_ANSWERS):
            buffer = wire.ask_format(index, buffer_type)
            if not self._answers(descriptor, wire.ENUM_FMT, buffer):
                return
            fourcc = wire.parse_format(buffer)
            for width, height in self._sizes(descriptor, fourcc):
                rates = list(self._rates(descriptor, fourcc, width, height)) or [0.0]
                for fps in rates:
                    yield Mode(fourcc=wire.fourcc_text(fourcc), width=width, height=height, fps=fps)

    def _sizes(self, descriptor: int, fourcc: bytes) -> Iterator[tuple[int, int]]:
        for index in range(_MAX_ANSWERS):
            buffer = wire.ask_size(index, fourcc)
            if not self._answers(descriptor, wire.ENUM_FRAMESIZES, buffer):
                return
            answer = wire.parse_size(buffer)
            yield from answer.values
            if answer.is_last:
                return

    def _rates(self, descriptor: int, fourcc: bytes, width: int, height: int) -> Iterator[float]:
        for index in range(_MAX_ANSWERS):
            buffer = wire.ask_interval(index, fourcc, width, height)
            if not self._answers(descriptor, wire.ENUM_FRAMEINTERVALS, buffer):
                return
            answer = wire.parse_interval(buffer)
            yield from answer.values
            if answer.is_last:
                return

    def _answers(self, descriptor: int, request: int, buffer: bytearray) -> bool:
        """Ask; false at the end of the list (EINVAL) and where the driver does not know the question (ENOTTY)."""
        try:
            self._ioctl(descriptor, request, buffer)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY}:
                return False
            raise
        return True


_WHY: Final = {
    errno.EACCES: NotACamera.FORBIDDEN,
    errno.EPERM: NotACamera.FORBIDDEN,
    errno.EBUSY: NotACamera.BUSY,
    errno.ENOTTY: NotACamera.NO_VIDEO,
    errno.EINVAL: NotACamera.NO_VIDEO,
    errno.EISDIR: NotACamera.NO_VIDEO,
}
