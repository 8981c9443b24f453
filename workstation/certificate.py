"""The booth's own client certificate, by its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BoothCertificate:
    """PEM files: the certificate with its intermediates, and its key without a passphrase."""

    certificate_file: Path
    key_file: Path
