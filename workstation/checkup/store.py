"""The check-ups of a booth on its disk: the last thirty, and every one that the site has not got yet.

A report is three files: the PDF and its seal, then the signed JSON, which makes it count. ``.sent`` beside it says that
the site has it.
"""

from __future__ import annotations

import base64
import logging
import re
import threading
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from uuid import UUID

from workstation.checkup.files import sweep, write_whole
from workstation.site.checkup_signature import SignatureRefusedError, SignedCheckup, read_report
from workstation.site.selfcheck import CheckupHandIn

_log = logging.getLogger(__name__)

FOLDER_NAME = "checkups"
KEPT = 30
KEPT_UNSENT = 400
"""More than a year of mornings without a site; then the oldest go, so that the disk does not fill."""

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f-]{36}")
_ENDINGS = (".jws", ".pdf", ".seal", ".sent")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """The PDF of a report and the signed seal that binds it to the report."""

    pdf: bytes
    seal: str


class CheckupStore:
    """Keeps reports in a folder of its own. Several threads may use it.

    Raises:
        OSError: every method, when the disk does not do what it should.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER_NAME
        self._lock = threading.Lock()
        self._is_swept = False

    def keep(self, token: str, paper: Paper | None) -> None:
        """Keep a report until the site has it and thirty newer ones are here; when this returns it is on disk."""
        report = read_report(token).report
        name = f"{report.checked_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{report.report_id}"
        with self._lock:
            self._open()
            if paper is not None:
                write_whole(self._path(name, ".pdf"), paper.pdf)
                write_whole(self._path(name, ".seal"), paper.seal.encode())
            write_whole(self._path(name, ".jws"), token.encode())
            self._prune()

    def reports(self) -> list[SignedCheckup]:
        """Return the kept reports, the newest first; one that was tampered with is left out."""
        with self._lock:
            found = [self._read(name) for name in reversed(self._names())]
        return [signed for signed in found if signed is not None]

    def oldest_unsent(self) -> tuple[UUID, CheckupHandIn] | None:
        """Return the oldest report that the site has not got, ``None`` when it has them all."""
        with self._lock:
            waiting = (name for name in self._names() if not self._path(name, ".sent").exists())
            return next((found for name in waiting if (found := self._hand_in(name)) is not None), None)

    def acknowledge(self, report_id: UUID) -> None:
        """Note that the site has a report, or will never take it. Unknown ids are harmless."""
        with self._lock:
            for name in self._names():
                if name.endswith(str(report_id)):
                    write_whole(self._path(name, ".sent"), b"")
            self._prune()

    def _hand_in(self, name: str) -> tuple[UUID, CheckupHandIn] | None:
        signed = self._read(name)
        if signed is None:
            return None
        token = self._path(name, ".jws").read_text("ascii")
        try:
            pdf = self._path(name, ".pdf").read_bytes()
            seal = self._path(name, ".seal").read_text("ascii")
        except FileNotFoundError:
            return signed.report.report_id, CheckupHandIn(report=token)
        return signed.report.report_id, CheckupHandIn(report=token, paper=base64.b64encode(pdf), seal=seal)

    def _read(self, name: str) -> SignedCheckup | None:
        try:
            return read_report(self._path(name, ".jws").read_text("ascii"))
        except (SignatureRefusedError, UnicodeDecodeError) as error:
            _log.info("check-up %s cannot be used: %s", name, error)
            return None

    def _open(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True, parents=True)
        if not self._is_swept:
            sweep(self.folder)
            self._is_swept = True

    def _names(self) -> list[str]:
        """Return the reports that count, the oldest first."""
        return sorted(path.stem for path in self.folder.glob("*.jws") if _NAME.fullmatch(path.stem))

    def _path(self, name: str, ending: str) -> Path:
        return self.folder / f"{name}{ending}"

    def _prune(self) -> None:
        names = self._names()
        unsent = [name for name in names if not self._path(name, ".sent").exists()]
        kept = {*names[-KEPT:], *unsent[-KEPT_UNSENT:]}
        for path in self.folder.iterdir():
            if path.suffix in _ENDINGS and path.stem not in kept:
                path.unlink(missing_ok=True)
