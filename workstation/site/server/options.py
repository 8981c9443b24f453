"""What the options of the site server have in common: addresses that must be protected, and files that hold secrets."""

from __future__ import annotations

import ipaddress
import os
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit


class OptionError(Exception):
    """An option cannot be used. The text says why, never a secret."""


def require_protected(address: str, schemes: set[str], protected: str) -> None:
    """Accept an address with one of ``schemes``; on a host other than loopback only ``protected``.

    Raises:
        OptionError: it is none, or leads elsewhere in the clear.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise OptionError("an address cannot be read") from None
    if parts.scheme not in schemes or not host:
        raise OptionError(f"an address must begin with one of {', '.join(sorted(schemes))}")
    if parts.scheme != protected and not _is_loopback(host):
        raise OptionError(f"{protected} is needed on a host other than loopback")


def private_text(path: Path) -> str:
    """Return the text of a file of secrets.

    Raises:
        OptionError: it cannot be read, or by more than its owner.
    """
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise OptionError(f"{path.name} can be read by others: chmod 600")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path.name} cannot be read: {type(error).__name__}") from None


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
