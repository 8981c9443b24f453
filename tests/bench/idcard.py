"""A drill card on a real pcscd with vpcd: laid down to parsed record, and what reading adds to the reader's time."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from drivers.contracts import Assurance, CancelToken, Presence
from drivers.idcard.pcsc import PcscCardReader
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdService, free_port_pair
from drivers.simulated.photo import DrillPhotoDecoder
from tests.bench.report import Row, show
from workstation.spawn import module_command

READS = 50
READ_LIMIT_MS = 100.0
_TIMEOUT_S = 15.0


def run(directory: Path) -> None:
    """Lay the card down and take it away. The drill's SAM answers at once, so the time of ``read`` is all ours."""
    bench = BenchFile(directory / "bench.json")
    bench.write(BenchState())
    noticed, read, opened = [], [], []
    port = free_port_pair()  # another drill on the machine would answer at the usual one
    with PcscdService(port):
        command = module_command("drivers.simulated.vpcd", "--bench", str(bench.path), "--port", str(port))
        with subprocess.Popen(command, stdin=subprocess.PIPE):
            reader = PcscCardReader(READER_NAME, Assurance.UNVERIFIED)
            try:
                for _ in range(1 + READS):
                    laid_down, seen, parsed, decoded = _one_card(bench, reader)
                    noticed.append(1000 * (seen - laid_down))
                    read.append(1000 * (parsed - seen))
                    opened.append(1000 * (decoded - parsed))
            finally:
                reader.close()
    total = [sum(parts) for parts in zip(noticed, read, strict=True)]
    rows = (
        Row(what="laid down to noticed (vpcd's and the drill's polling)", samples=noticed[1:], unit="ms"),
        Row(
            what="noticed to parsed record, on top of the SAM's time", samples=read[1:], unit="ms", limit=READ_LIMIT_MS
        ),
        Row(what="laid down to parsed record", samples=total[1:], unit="ms"),
        Row(what="opening the drill's photo block", samples=opened[1:], unit="ms"),
    )
    show(f"ID card over PC/SC, {READS} cards", rows)


def _one_card(bench: BenchFile, reader: PcscCardReader) -> tuple[float, float, float, float]:
    """Return the times at which the card was laid down, noticed, read and its photo opened."""
    _wait_for(reader, Presence.EMPTY)
    laid_down = time.monotonic()
    bench.change(card="person-a")
    _wait_for(reader, Presence.CARD)
    seen = time.monotonic()
    record = reader.read(timeout_s=_TIMEOUT_S, cancel=CancelToken())
    parsed = time.monotonic()
    if DrillPhotoDecoder().decode(record.photo_block) is None:
        raise ValueError("the drill's photo does not open")
    decoded = time.monotonic()
    bench.change(card=None)
    return laid_down, seen, parsed, decoded


def _wait_for(reader: PcscCardReader, wanted: Presence) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    known = Presence.NO_READER
    while (known := reader.wait(known, timeout_s=1.0, cancel=CancelToken())) is not wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the reader says {known.name}, {reader.status.detail}; {wanted.name} was expected")
