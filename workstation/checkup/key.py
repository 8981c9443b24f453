"""The key that a booth signs its check-ups with: made on first need, never leaves the machine."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from workstation.checkup.files import create_whole

_log = logging.getLogger(__name__)

FILE_NAME = "checkup-key.pem"


def booth_key(data_dir: Path) -> Ed25519PrivateKey:
    """Return the booth's key; made, and kept as PKCS #8 with mode 0600, when there is none.

    A file that is no key is set aside and another key made: the site sees that as an incident, which it is.

    Raises:
        OSError: it can neither be read nor made.
    """
    path = data_dir / FILE_NAME
    for _ in range(2):
        try:
            return _loaded(path.read_bytes())
        except FileNotFoundError:
            pass
        except ValueError:
            aside = path.with_name(f"{FILE_NAME}.unusable-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
            path.rename(aside)
            _log.error("the check-up key cannot be used and was set aside as %s", aside.name)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if create_whole(path, pem):
            return key
    return _loaded(path.read_bytes())


def _loaded(pem: bytes) -> Ed25519PrivateKey:
    """Return the key. Raises ``ValueError``."""
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("no key of ours") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("no Ed25519 key")
