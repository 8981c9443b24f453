"""Secrets of a UPS connection: passwords, communities, passphrases. They are read when they are needed."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

_MAX_LENGTH = 1024

Secret = Callable[[], str]
"""Returns the secret. Raises ``SecretError`` when it cannot."""


class SecretError(OSError):
    """A secret cannot be had. Its text names the file and never what stands in it."""


def secret_in(file: Path) -> Secret:
    """Return the secret in ``file``: its one line, read anew for each connection.

    So a changed password needs no restart, and a file that cannot be read is a UPS that is not known, not a booth that
    does not start.
    """

    def read() -> str:
        try:
            with file.open(encoding="utf-8") as lines:
                text = lines.read(_MAX_LENGTH + 1).rstrip("\r\n")
        except OSError as error:
            raise SecretError(f"{file.name}: {errno.errorcode.get(error.errno or 0, 'unreadable')}") from error
        except UnicodeDecodeError as error:
            raise SecretError(f"{file.name}: not UTF-8") from error
        if not text or len(text) > _MAX_LENGTH or not text.isprintable():
            raise SecretError(f"{file.name}: not one line of text")
        return text

    return read
