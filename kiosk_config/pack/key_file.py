"""The private key that signs packs: PKCS #8 in PEM (RFC 5958, RFC 7468), readable by its owner alone."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kiosk_config.pack.durable import sync_folder


class KeyFileError(Exception):
    """The key cannot be used. The text says why, never a part of the key."""


def make_key_file(path: Path, passphrase: str = "") -> Ed25519PrivateKey:
    """Make a key and write it to ``path``, which must not exist yet: a key is never overwritten.

    Args:
        path: the file; mode 0600.
        passphrase: encrypts it; "" leaves it plain.

    Raises:
        KeyFileError: the file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    protection: KeySerializationEncryption = NoEncryption()
    if passphrase:
        protection = BestAvailableEncryption(passphrase.encode())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from error
    return key


def read_key_file(path: Path, ask: Callable[[], str]) -> Ed25519PrivateKey:
    """Return the key in ``path``.

    Args:
        path: the file.
        ask: returns the passphrase; only called for a key that has one.

    Raises:
        KeyFileError: it cannot be read, is open to others, is no Ed25519 key, or the passphrase is wrong.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path}: others may read it: chmod 600")
    try:
        key = _unlocked(data, ask)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no private key in PEM, or the passphrase is wrong") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: is no Ed25519 key")
    return key


def _unlocked(data: bytes, ask: Callable[[], str]) -> object:
    try:
        return load_pem_private_key(data, password=None)
    except TypeError:  # how the library says that there is a passphrase
        return load_pem_private_key(data, password=ask().encode())
