"""The private authorities that the page believes besides the public ones: those of the pack in use, while it is.

The engine asks NSS, whose database is usually the user's own (``~/.pki/nssdb``). Initialising NSS first, with a
database of the booth's, leaves the user's out of it and HOME alone. The engine reads it at every handshake.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from drivers.errors import ErrorCode, KioskError

_TIMEOUT_S = 20.0
_TRUST = "C,,"  # an authority for TLS servers, and for nothing else (certutil(1), -t)
_PREFIX = "pack-authority-"


class AuthorityStore:
    """An NSS database (``sql:``) of the booth. Methods block on ``certutil``; any thread but one at a time.

    Args:
        folder: made with mode 0700 when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_loaded = False

    def load(self) -> None:
        """Make this the process's NSS database, read-only for the engine. Before the engine is loaded; idempotent.

        Raises:
            KioskError: INTERNAL, there is no database, and the user's would be believed instead.
        """
        if self._is_loaded or sys.platform != "linux":
            return
        self._make()
        try:
            status = ctypes.CDLL("libnss3.so").NSS_Init(f"sql:{self._folder}".encode())
        except OSError as error:
            raise _unusable("libnss3 cannot be loaded") from error
        if status != 0:
            raise _unusable("NSS does not take the database")
        self._is_loaded = True

    def use(self, authorities: Sequence[str]) -> None:
        """Believe exactly these authorities (PEM, one certificate each) besides the public ones.

        Raises:
            KioskError: INTERNAL, the database could not be written; MAIN_SITE_NOT_TRUSTED, one of them is none.
        """
        if sys.platform != "linux":
            if authorities:
                raise _unusable("private authorities are implemented for Linux only")
            return
        self._make()
        listing = self._certutil("-L")
        for name in sorted({word for word in listing.split() if word.startswith(_PREFIX)}):
            self._certutil("-D", "-n", name)
        for number, pem in enumerate(authorities):
            try:
                self._certutil("-A", "-t", _TRUST, "-n", f"{_PREFIX}{number}", "-a", text=pem)
            except KioskError as error:
                raise KioskError(
                    ErrorCode.MAIN_SITE_NOT_TRUSTED, "an authority of the pack cannot be read", retryable=False
                ) from error

    def _make(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(type(error).__name__) from error
        if not (self._folder / "cert9.db").exists():
            self._certutil("-N", "--empty-password")

    def _certutil(self, *arguments: str, text: str = "") -> str:
        command = ["certutil", "-d", f"sql:{self._folder}", *arguments]
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise _unusable(f"certutil {arguments[0]}: {type(error).__name__}") from error
        return done.stdout


def _unusable(reason: str) -> KioskError:
    return KioskError(ErrorCode.INTERNAL, f"the store of authorities cannot be used: {reason}", retryable=False)
