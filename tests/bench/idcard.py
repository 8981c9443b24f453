"""ID cards: what parsing costs, a drill card on a real pcscd with vpcd until it is parsed, and waiting for one."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartcard import scard

from drivers.contracts import Assurance, CancelToken, CardReader, Presence
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.record import parse_record
from drivers.idcard.sdt import decode_reply, encode_frame, split_base
from drivers.idcard.serial_port import SerialPort
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdService, free_port_pair
from drivers.simulated.people import DRILL_CARDS
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.sam import SamEmulator
from drivers.simulated.sam_serial import SerialSam
from tests.bench.report import Row, show
from workstation.spawn import module_command

READS = 50
PARSES = 500
PARSE_LIMIT_MS = 5.0
READ_LIMIT_MS = 100.0
IDLE_S = 30.0
IDLE_LIMIT_PERCENT = 0.5
_TIMEOUT_S = 15.0
_POLICY = ReadPolicy(assurance=Assurance.UNVERIFIED)


def run(directory: Path) -> None:
    """Measure all of it."""
    show(f"ID card, {PARSES} replies parsed", (_parsing(),))
    show(f"ID card over PC/SC, {READS} cards", _over_pcsc(directory))
    show("ID card reader on a serial port (pty, 115200 baud not imitated)", (_waiting_on_a_port(directory),))


def _parsing() -> Row:
    card = DRILL_CARDS["person-a"]
    photo = card.photo()
    lengths = len(card.text).to_bytes(2, "big") + len(photo).to_bytes(2, "big")
    frame = encode_frame(b"\0\0\x90" + lengths + card.text + photo)
    samples = []
    for _ in range(PARSES):
        raw = bytearray(frame)
        started = time.perf_counter()
        parse_record(*split_base(decode_reply(raw).data), Assurance.UNVERIFIED, bytearray())
        samples.append(1000 * (time.perf_counter() - started))
    return Row(what="last byte of the reply to parsed record", samples=samples, unit="ms", limit=PARSE_LIMIT_MS)


def _over_pcsc(directory: Path) -> tuple[Row, ...]:
    """Lay the card down and take it away. The drill's SAM answers at once, so the time of ``read`` is all ours."""
    bench = BenchFile(directory / "bench.json")
    bench.write(BenchState())
    port = free_port_pair()  # another drill on the machine would answer at the usual one
    with PcscdService(port):
        command = module_command("drivers.simulated.vpcd", "--bench", str(bench.path), "--port", str(port))
        with subprocess.Popen(command, stdin=subprocess.PIPE):
            reader = PcscCardReader(READER_NAME, _POLICY)
            try:
                times = [_one_card(bench, reader) for _ in range(1 + READS)][1:]
                idle = _idle_percent(reader)
            finally:
                reader.close()
    laid_down, told, noticed, parsed, opened = zip(*times, strict=True)
    return (
        Row(what="laid down to told by PC/SC (vpcd's and pcscd's polling)", samples=_ms(laid_down, told), unit="ms"),
        Row(
            what="told by PC/SC to parsed record, on top of the SAM's time",
            samples=_ms(told, parsed),
            unit="ms",
            limit=READ_LIMIT_MS,
        ),
        Row(what="of it, the reading", samples=_ms(noticed, parsed), unit="ms"),
        Row(what="laid down to parsed record", samples=_ms(laid_down, parsed), unit="ms"),
        Row(what="opening the drill's photo block", samples=_ms(parsed, opened), unit="ms"),
        _idle_row(idle),
    )


def _waiting_on_a_port(directory: Path) -> Row:
    """The SAM is asked every 0.3 s; it runs in another thread, whose time is not counted."""
    bench = BenchFile(directory / "bench.json")
    bench.write(BenchState())
    lifeline, held = os.pipe()
    sam = SerialSam(BenchFile(bench.path), SamEmulator(), directory / "tty")
    thread = threading.Thread(target=sam.run, args=(lifeline,))
    thread.start()
    reader = PolledSdtReader(SerialPort(str(directory / "tty")).open, _POLICY)
    try:
        return _idle_row(_idle_percent(reader))
    finally:
        reader.close()
        os.close(held)
        thread.join()
        os.close(lifeline)


def _idle_row(percent: float) -> Row:
    what = f"waiting {IDLE_S:.0f} s for a card, processor, of one core"
    return Row(what=what, samples=[percent], unit="%", limit=IDLE_LIMIT_PERCENT)


def _ms(starts: tuple[float, ...], ends: tuple[float, ...]) -> list[float]:
    return [1000 * (end - start) for start, end in zip(starts, ends, strict=True)]


def _one_card(bench: BenchFile, reader: CardReader) -> tuple[float, float, float, float, float]:
    """Return when the card was laid down, told by PC/SC to a program that does nothing else, noticed, read, opened."""
    _wait_for(reader, Presence.EMPTY)
    with _bare_watcher() as told:
        laid_down = time.monotonic()
        bench.change(card="person-a")
        _wait_for(reader, Presence.CARD)
        noticed = time.monotonic()
        record = reader.read(timeout_s=_TIMEOUT_S, cancel=CancelToken())
        parsed = time.monotonic()
    if DrillPhotoDecoder().decode(record.photo_block) is None:
        raise ValueError("the drill's photo does not open")
    opened = time.monotonic()
    bench.change(card=None)
    return laid_down, told[0], noticed, parsed, opened


@contextmanager
def _bare_watcher() -> Iterator[list[float]]:
    """Note when PC/SC itself says that there is a card."""
    told: list[float] = []
    is_watching = threading.Event()
    watcher = threading.Thread(target=_watch, args=(told, is_watching))
    watcher.start()
    is_watching.wait(_TIMEOUT_S)
    yield told
    watcher.join()
    if not told:
        raise TimeoutError("PC/SC never told of the card")


def _watch(told: list[float], is_watching: threading.Event) -> None:
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    _, states = scard.SCardGetStatusChange(context, 0, [(READER_NAME, scard.SCARD_STATE_UNAWARE)])
    is_watching.set()
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        known = [(name, state & ~scard.SCARD_STATE_CHANGED) for name, state, _ in states]
        _, states = scard.SCardGetStatusChange(context, int(1000 * _TIMEOUT_S), known)
        if states[0][1] & scard.SCARD_STATE_PRESENT:
            told.append(time.monotonic())
            break
    scard.SCardReleaseContext(context)


def _idle_percent(reader: CardReader) -> float:
    _wait_for(reader, Presence.EMPTY)
    used, deadline = time.thread_time(), time.monotonic() + IDLE_S
    while (remaining_s := deadline - time.monotonic()) > 0:
        reader.wait(Presence.EMPTY, timeout_s=min(5.0, remaining_s), cancel=CancelToken())
    return 100 * (time.thread_time() - used) / IDLE_S


def _wait_for(reader: CardReader, wanted: Presence) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    known = Presence.NO_READER
    while (known := reader.wait(known, timeout_s=1.0, cancel=CancelToken())) is not wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the reader says {known.name}, {reader.status.detail}; {wanted.name} was expected")
