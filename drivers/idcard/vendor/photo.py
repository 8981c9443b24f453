"""Opening card photos with a vendor's library: one short-lived process per picture."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from drivers.contracts import Image
from drivers.idcard.sdt import wipe
from drivers.idcard.vendor import wire
from drivers.idcard.vendor.bitmap import ChannelOrder, Flip, PictureError, portrait
from drivers.idcard.vendor.process import PinnedLibrary, VendorError, VendorProcess

_log = logging.getLogger(__name__)

PICTURE_TIMEOUT_S: Final = 3.0
BLOCK_LENGTH: Final = 1024
_HEAD: Final = bytes.fromhex("57 4C 66 00 7E 00 32 00")
"""WL, width 102 and height 126 little-endian, and what always follows."""
_MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108 - memory, checked to be
_MOUNTS: Final = Path("/proc/self/mounts")

Form = Literal["GetBmp", "dewlt", "unpack", "wlt2Bmp"]
_FILE_FORMS: Final[frozenset[Form]] = frozenset({"GetBmp", "dewlt"})


class VendorPhotoDecoder:
    """A ``PhotoDecoder`` over a vendor's library. What it cannot open stays unopened, and the log says why.

    Args:
        command: runs ``drivers.idcard.vendor.child``, with the Python of the library's word size.
        library: the vendor's library.
        form: the function that opens a block.
        argument: last argument of ``GetBmp`` (1 serial, 2 USB) and ``unpack`` (vendor's code).
        channel_order: order of the colours in its pictures.
        flip: how its pictures have to be turned over.
        timeout_s: longest time for one picture, start of the process included.
    """

    def __init__(
        self,
        command: Sequence[str],
        library: PinnedLibrary,
        *,
        form: Form,
        argument: int = 0,
        channel_order: ChannelOrder = "BGR",
        flip: Flip = "none",
        timeout_s: float = PICTURE_TIMEOUT_S,
    ) -> None:
        self._command = command
        self._library = library
        self._form: Form = form
        self._argument = argument
        self._channel_order: ChannelOrder = channel_order
        self._flip: Flip = flip
        self._timeout_s = timeout_s

    def decode(self, photo_block: bytes) -> Image | None:
        """Return the portrait (126 rows, 102 columns), or ``None`` when this block cannot be opened."""
        if not _is_block(photo_block):
            _log.warning("card photo not opened: no photo block")
            return None
        try:
            written = self._ask(photo_block)
            try:
                return portrait(written, self._channel_order, self._flip)
            finally:
                wipe(written)
        except (VendorError, PictureError) as error:
            _log.warning("card photo not opened: %s: %s", self._form, error)
            return None

    def _ask(self, block: bytes) -> bytearray:
        deadline = time.monotonic() + self._timeout_s
        with _private_folder(needs_memory=self._form in _FILE_FORMS) as folder:
            process = VendorProcess(self._command, self._library, (self._form, str(self._argument)), folder)
            try:
                _expect(process.receive(deadline), wire.READY)
                process.send(wire.BLOCK, block)
                return _expect(process.receive(deadline), wire.PICTURE)
            finally:
                process.kill()


@contextlib.contextmanager
def _private_folder(*, needs_memory: bool) -> Iterator[Path]:
    """Give a folder that only we can enter and delete it with everything the library left there.

    It lies in memory. Where no such folder can be had, a library that works on files cannot be used; the others get
    an empty folder to stand in.

    Raises:
        VendorError: there is no folder in memory.
    """
    is_memory = _is_tmpfs(_MEMORY_FOLDER)
    if needs_memory and not is_memory:
        raise VendorError("no folder in memory, and a photo is never written to a disk")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"idcard-{os.getpid()}-", dir=_MEMORY_FOLDER if is_memory else None))
    except OSError as error:
        raise VendorError(f"no private folder: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_tmpfs(folder: Path) -> bool:
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return False
    kinds = [mount[2] for mount in mounts if mount[1] == str(folder)]
    return kinds[-1:] in (["tmpfs"], ["ramfs"])


def _is_block(block: bytes) -> bool:
    """Whether this is a photo block that was really read: head as always, and not one value all through."""
    return len(block) == BLOCK_LENGTH and block.startswith(_HEAD) and len(set(block[len(_HEAD) :])) > 1


def _expect(message: tuple[bytes, bytearray], kind: bytes) -> bytearray:
    found, content = message
    if found != kind:
        raise VendorError(content.decode("ascii", "replace"))
    return content
