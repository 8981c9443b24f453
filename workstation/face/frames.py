"""The one frame that application and worker share: a block of memory without a name, gone with its processes.

A picture is written once and read in place. It never is a file: on Linux the block is a ``memfd`` that the child
inherits, on Windows (not run here) pagefile memory found by a random name.
"""

from __future__ import annotations

import mmap
import os
import secrets
import sys

import numpy as np

from drivers.contracts import Image
from workstation.face.contract import MAX_SIDE_PX

CAPACITY = MAX_SIDE_PX * MAX_SIDE_PX * 3
"""The largest picture. Memory is used only for what was written."""


class SharedFrame:
    """Room for one picture in memory of two processes.

    Args:
        token: what ``token`` of the other side's frame says; a new block when left out.

    Raises:
        OSError: there is no such block, or no memory.
        ValueError: ``token`` is none.
    """

    def __init__(self, token: str = "") -> None:
        self._used = 0
        self._descriptor = -1
        if sys.platform == "win32":
            self.token = token or f"evaluation-workstation-{secrets.token_hex(16)}"
            self._memory = mmap.mmap(-1, CAPACITY, tagname=self.token)
        else:
            # The child gets the descriptor under the same number (subprocess: pass_fds).
            self._descriptor = int(token) if token else os.memfd_create("frame", os.MFD_CLOEXEC)
            if not token:
                os.ftruncate(self._descriptor, CAPACITY)
            self.token = str(self._descriptor)
            self._memory = mmap.mmap(self._descriptor, CAPACITY)
            if token:  # the mapping holds the memory by itself; only who has children needs the descriptor
                os.close(self._descriptor)
                self._descriptor = -1

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the child must inherit."""
        return () if self._descriptor < 0 else (self._descriptor,)

    def write(self, image: Image) -> None:
        """Put a picture in, shape (height, width, 3) with sides up to ``MAX_SIDE_PX``."""
        np.frombuffer(self._memory, np.uint8, image.nbytes)[:] = image.reshape(-1)
        self._used = max(self._used, image.nbytes)

    def read(self, height: int, width: int) -> Image:
        """Return the picture in place: it changes with the next ``write``."""
        return np.frombuffer(self._memory, np.uint8, height * width * 3).reshape(height, width, 3)

    def wipe(self) -> None:
        """Overwrite what was written."""
        if self._used:
            np.frombuffer(self._memory, np.uint8, self._used)[:] = 0
            self._used = 0

    def close(self) -> None:
        """Overwrite and give the memory back. Idempotent. Pictures from ``read`` must be gone by then."""
        if not self._memory.closed:
            self.wipe()
            self._memory.close()
            if self._descriptor >= 0:
                os.close(self._descriptor)
