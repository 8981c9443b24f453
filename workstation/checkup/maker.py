"""Makes one check-up from the first look to the files on disk: run, judge, sign, print, keep."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from drivers.contracts import CancelToken
from workstation.checkup.key import booth_key
from workstation.checkup.runner import CheckupRunner, Items, Probe
from workstation.checkup.store import CheckupStore, Paper
from workstation.paper_order import CheckupPage, PaperOrder, print_paper
from workstation.site.checkup_signature import SignedCheckup, read_report, sign_report, sign_seal
from workstation.site.selfcheck import CheckupItem, CheckupReport, CheckupTrigger, PaperSeal, worst

_log = logging.getLogger(__name__)

Groups = Sequence[Sequence[Probe]]


@dataclass(frozen=True, kw_only=True)
class BoothIdentity:
    """Which booth and program a report is of. ``words`` puts part, found and fix into the booth's language."""

    booth_id: str
    version: str
    is_drill: bool
    words: Callable[[CheckupItem], CheckupItem]


def examine(
    groups: Groups,
    booth: BoothIdentity,
    trigger: CheckupTrigger,
    *,
    runner: CheckupRunner,
    on_items: Callable[[Items], None],
    cancel: CancelToken,
    booth_label: str = "",
) -> CheckupReport | None:
    """Look at everything and return the report, ``None`` when it was ended. ``on_items`` as for ``CheckupRunner``."""
    checked_at, begun_s = datetime.now(UTC), time.monotonic()
    found = runner.run(groups, lambda items: on_items(tuple(map(booth.words, items))), cancel)
    if found is None:
        return None
    items = [booth.words(item) for item in found]
    return CheckupReport(
        report_id=uuid4(),
        booth_id=booth.booth_id,
        booth_label=booth_label,
        trigger=trigger,
        checked_at=checked_at,
        duration_s=round(time.monotonic() - begun_s, 1),
        version=booth.version,
        is_drill=booth.is_drill,
        verdict=worst(items),
        items=items,
    )


def keep_signed(report: CheckupReport, data_dir: Path, store: CheckupStore) -> SignedCheckup:
    """Sign a report, print its paper, and keep both. A paper that cannot be printed is left out.

    Raises:
        OSError: the key or the report could not be kept.
    """
    key = booth_key(data_dir)
    token = sign_report(report, key)
    signed = read_report(token)
    pdf = _printed(signed)
    paper = None
    if pdf is not None:
        seal = PaperSeal(
            report_id=report.report_id, report_sha256=signed.sha256, paper_sha256=hashlib.sha256(pdf).hexdigest()
        )
        paper = Paper(pdf=pdf, seal=sign_seal(seal, key))
    store.keep(token, paper)
    return signed


def _printed(signed: SignedCheckup) -> bytes | None:
    page = CheckupPage(report=signed.report, thumbprint=signed.thumbprint, sha256=signed.sha256)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkup.pdf"
        if not print_paper(PaperOrder(file=file, checkup=page)):
            _log.warning("the check-up's paper could not be printed")
            return None
        return file.read_bytes()
