"""Loading a vendor's library and finding its functions."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable


class UnfitError(Exception):
    """The library cannot be used, and trying again will not help. The text is for the administrator."""


def load(path: str) -> ctypes.CDLL:
    """Load a library. Its functions are ``__stdcall`` on Windows (not run there yet) and ``cdecl`` elsewhere.

    Raises:
        UnfitError: it is no library, or one of another word size.
    """
    try:
        if sys.platform == "win32":
            return ctypes.WinDLL(path)
        return ctypes.CDLL(path)
    except OSError as error:
        raise UnfitError(f"cannot be loaded: {error}") from error


def function(library: ctypes.CDLL, *names: str) -> Callable[..., int]:
    """Return the first of these functions that the library has.

    Raises:
        UnfitError: it has none; the text names them.
    """
    for name in names:
        found: Callable[..., int] | None = getattr(library, name, None)
        if found is not None:
            return found
    raise UnfitError("function missing: " + " or ".join(names))


def wipe(buffer: ctypes.Array[ctypes.c_char]) -> None:
    """Overwrite a buffer that held personal data."""
    ctypes.memset(buffer, 0, len(buffer))
