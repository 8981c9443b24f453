"""The ways to a card reader that the one contract suite runs over, and the hands beside each of them.

To add a way, write a maker and put it into ``WAYS``; ``test_card_reader.py`` then runs over it as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest

from drivers.contracts import Assurance, CancelToken, CardReader, DeviceState, Presence
from drivers.errors import DeviceError
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.pcsc_frames import EscapeFrames, OpenFrames, RawFrames, StoragePages
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.serial_port import SerialPort
from drivers.idcard.usb import Framing, UsbDevice
from drivers.idcard.vendor.channel import VendorChannel
from drivers.idcard.vendor.process import PinnedLibrary
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdService, ReaderDriver, free_port_pair
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.sam import PIECE_INTERVAL_S, PIECE_LENGTH, CardCutError, SamEmulator
from drivers.simulated.sam_serial import SerialSam
from drivers.simulated.sam_usb import PRODUCT_ID, VENDOR_ID, SimulatedUsbBackend
from drivers.simulated.vpcd import Shown, VpcdCard

LIMIT_S = 20.0
ESCAPE_PREFIX = bytes.fromhex("FE 01")
VENDOR_COMMAND = [sys.executable, "-m", "drivers.idcard.vendor.child"]


@dataclass(frozen=True)
class Booth:
    """A reader under test and the hands beside it."""

    reader: CardReader
    bench: BenchFile
    sam: SamEmulator
    plug: Callable[[bool], object]

    def await_presence(self, wanted: Presence) -> None:
        deadline = time.monotonic() + LIMIT_S
        presence = None
        while presence is not wanted:
            assert time.monotonic() < deadline, f"never {wanted}, {self.reader.status}"
            presence = self.reader.wait(presence or Presence.NO_READER, timeout_s=1.0, cancel=CancelToken())

    def state(self) -> DeviceState:
        return self.reader.status.state

    def place(self, card: str) -> None:
        self.bench.change(card=card)
        self.await_presence(Presence.CARD)

    def lift(self) -> None:
        self.bench.change(card=None)
        self.await_presence(Presence.EMPTY)

    def failure(self, timeout_s: float = 5.0) -> DeviceError:
        with pytest.raises(DeviceError) as raised:
            self.reader.read(timeout_s=timeout_s, cancel=CancelToken())
        return raised.value

    def read_number(self) -> str:
        return self.reader.read(timeout_s=5.0, cancel=CancelToken()).id_number


@dataclass(frozen=True)
class Desk:
    """What a maker builds a booth on.

    Attributes:
        bench: the file that says what lies on the reader; written once already.
        sam: the SAM at the other end, which takes faults.
        policy: what the reader has to be made with.
        request: for fixtures that only some makers need.
    """

    bench: BenchFile
    sam: SamEmulator
    policy: ReadPolicy
    request: pytest.FixtureRequest

    def bench_copy(self) -> BenchFile:
        """Return the same bench for another thread."""
        return BenchFile(self.bench.path)


@dataclass(frozen=True)
class Way:
    """One way to a card reader.

    Attributes:
        make: yields the booth once and gives everything back afterwards.
        without: tests that cannot apply: part of the test's name (parameters included) and why.
        uses_pcscd: only one pcscd can run at a time.
    """

    make: Callable[[Desk], Iterator[Booth]]
    without: Mapping[str, str] = field(default_factory=dict)
    uses_pcscd: bool = False


def simulated_booth(desk: Desk) -> Iterator[Booth]:
    reader = SimulatedCardReader(desk.bench_copy(), desk.sam, desk.policy)
    yield Booth(reader, desk.bench, desk.sam, lambda is_in: desk.bench.change(reader_plugged=is_in))
    reader.close()


def pcsc_booth(desk: Desk, shown: Shown = Shown.FRAMES, open_frames: OpenFrames = RawFrames) -> Iterator[Booth]:
    service, port, escape_port = desk.request.getfixturevalue("pcscd")
    name = READER_NAME
    if shown is Shown.ESCAPES:
        name, port = "^SDT Escape", escape_port
    service.start()
    lifeline, held = os.pipe()
    card = threading.Thread(target=VpcdCard(desk.bench_copy(), desk.sam, port, shown).run, args=(lifeline,))
    card.start()
    reader = PcscCardReader(name, desk.policy, open_frames)
    booth = Booth(reader, desk.bench, desk.sam, lambda is_in: service.start() if is_in else service.stop())
    yield booth
    service.start()
    booth.lift()  # or the next test would still see this card
    reader.close()
    os.close(held)
    card.join(LIMIT_S)
    os.close(lifeline)
    assert not card.is_alive()


def serial_booth(desk: Desk) -> Iterator[Booth]:
    link = desk.bench.path.with_name("port")
    lifeline, held = os.pipe()
    sam = threading.Thread(target=SerialSam(desk.bench_copy(), desk.sam, link).run, args=(lifeline,))
    sam.start()
    reader = PolledSdtReader(SerialPort(os.fspath(link)).open, desk.policy)
    yield Booth(reader, desk.bench, desk.sam, lambda is_in: desk.bench.change(reader_plugged=is_in))
    reader.close()
    os.close(held)
    sam.join(LIMIT_S)
    os.close(lifeline)
    assert not sam.is_alive()


def usb_booth(framing: Framing, desk: Desk) -> Iterator[Booth]:
    backend = SimulatedUsbBackend(desk.bench_copy(), desk.sam, framing)
    device = UsbDevice(vendor_id=VENDOR_ID, product_id=PRODUCT_ID, framing=framing, backend=backend)
    reader = PolledSdtReader(device.open, desk.policy)
    yield Booth(reader, desk.bench, desk.sam, lambda is_in: desk.bench.change(reader_plugged=is_in))
    reader.close()


class SamSocket:
    """The SAM at the other end of a stand-in for a vendor's library (``native/reader.c``), over a Unix socket.

    While the bench has the reader unplugged, whoever connects is hung up on.
    """

    def __init__(self, path: Path, bench: BenchFile, sam: SamEmulator) -> None:
        self._bench, self._sam = bench, sam
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._lines: list[socket.socket] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        for line in (self._listener, *self._lines):
            line.close()

    def _run(self) -> None:
        while not self._is_over.is_set():
            readable, _, _ = select.select([self._listener, *self._lines], [], [], 0.01)
            state = self._bench.read()
            if self._listener in readable:
                self._lines.append(self._listener.accept()[0])
            if not state.reader_plugged:
                self._sam.follow(None)  # it lost its power, and with it what it knew of the card
                while self._lines:
                    self._lines.pop().close()
                continue
            self._sam.follow(state.card)
            for line in readable:
                if line is not self._listener and line in self._lines:
                    self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            frame = line.recv(64)
            if not frame:
                self._lines.remove(line)
                line.close()
                return
            try:
                reply = self._sam.handle(frame) or b""
            except CardCutError as error:
                reply = error.begun
            step = PIECE_LENGTH if self._sam.dribbles else len(reply) or 1
            for start in range(0, len(reply), step):
                if not self._bench.read().reader_plugged:
                    return
                line.sendall(reply[start : start + step])
                if self._sam.dribbles:
                    time.sleep(PIECE_INTERVAL_S)


def vendor_booth(profile: str) -> Callable[[Desk], Iterator[Booth]]:
    """Return the maker of booths with a vendor's library of this profile."""

    def make(desk: Desk) -> Iterator[Booth]:
        library = desk.request.getfixturevalue("compile_library")("reader.c", profile.upper())
        desk.request.getfixturevalue("start_sam")(desk.bench_copy(), desk.sam)
        reader = PolledSdtReader(
            lambda: VendorChannel(VENDOR_COMMAND, library, profile=profile, port=1001), desk.policy
        )
        yield Booth(reader, desk.bench, desk.sam, lambda is_in: desk.bench.change(reader_plugged=is_in))
        reader.close()

    return make


WAYS: dict[str, Way] = {
    "serial": Way(serial_booth),
    "usb-split": Way(partial(usb_booth, "split")),
    "usb-whole": Way(partial(usb_booth, "whole")),
    "simulated": Way(simulated_booth),
    "pcsc": Way(pcsc_booth, uses_pcscd=True),
    "pcsc-escape": Way(
        partial(
            pcsc_booth, shown=Shown.ESCAPES, open_frames=partial(EscapeFrames, prefix=ESCAPE_PREFIX, suffix=b"\x00")
        ),
        uses_pcscd=True,
    ),
    "pcsc-storage": Way(
        partial(pcsc_booth, shown=Shown.PAGES, open_frames=StoragePages),
        without={
            "once_per_placement": "pages can be read again",
            "faults": "pages carry no frames to spoil and no SAM status",
            "storms": "the reader polls its SAM by itself",
            "newest_address": "no page has it",
            "a_sam_on_the_list": "the SAM cannot be asked who it is",
            "a_sam_that_is_not": "the SAM cannot be asked who it is",
        },
        uses_pcscd=True,
    ),
    "vendor-sdt": Way(vendor_booth("sdt")),
    "vendor-syn": Way(vendor_booth("syn")),
    "vendor-cvr": Way(
        vendor_booth("cvr"),
        without={
            **dict.fromkeys(
                ["Fault.BAD_XOR", "Fault.TRUNCATED", "Fault.WRONG_LENGTH"],
                "it says that a read failed, not that the reply was damaged, so the card is sought again",
            ),
            **dict.fromkeys(["64-1-E-105", "102-1-E-108"], "it says that a read failed, not with which status"),
        },
    ),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "booth" in metafunc.fixturenames:
        metafunc.parametrize(
            "booth",
            [pytest.param(name, marks=[pytest.mark.pcscd] if way.uses_pcscd else []) for name, way in WAYS.items()],
            indirect=True,
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a way says cannot apply to it."""
    left_out = [item for item in items if _cannot_apply(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _cannot_apply(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    if callspec is None or "booth" not in callspec.params:
        return False
    return any(part in item.name for part in WAYS[callspec.params["booth"]].without)


@pytest.fixture(scope="module")
def pcscd(escape_driver: Path) -> Iterator[tuple[PcscdService, int, int]]:
    """A PC/SC service, and the ports on which vpcd and the reader for escapes wait for a card."""
    port, escape_port = free_port_pair(), free_port_pair()
    device = f"/dev/null:{escape_port}:{ESCAPE_PREFIX.hex().upper()}:0"
    with PcscdService(port, [ReaderDriver(name="SDT Escape", device=device, library=escape_driver)]) as service:
        yield service, port, escape_port


@pytest.fixture(scope="session")
def escape_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver for pcscd whose reader takes SDT frames in control calls."""
    source = Path(__file__).with_name("native") / "ifd_escape.c"
    library = tmp_path_factory.mktemp("driver") / "libifdescape.so"
    options = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-I/usr/include/PCSC"]
    subprocess.run(["gcc", *options, "-o", os.fspath(library), os.fspath(source)], check=True, timeout=60)
    return library


@pytest.fixture(scope="session")
def compile_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PinnedLibrary]:
    """Compile a stand-in for a vendor's library, once per set of definitions."""
    folder = tmp_path_factory.mktemp("native")
    compiled: dict[tuple[str, ...], PinnedLibrary] = {}

    def compile_it(source: str, *definitions: str) -> PinnedLibrary:
        key = (source, *definitions)
        if key not in compiled:
            path = folder / f"lib{len(compiled)}.so"
            options = ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *(f"-D{name}" for name in definitions)]
            subprocess.run(["gcc", *options, "-o", path, Path(__file__).with_name("native") / source], check=True)
            compiled[key] = PinnedLibrary(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        return compiled[key]

    return compile_it


@pytest.fixture
def start_sam(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[BenchFile, SamEmulator], Path]]:
    """Start the SAM behind the vendors' libraries; the file it returns takes what goes wrong in the next reading."""
    folder = tmp_path_factory.mktemp("sam")  # a socket's path must be short
    monkeypatch.setenv("SAM_SOCKET", str(folder / "socket"))
    monkeypatch.setenv("SAM_FAULT", str(folder / "fault"))
    monkeypatch.setenv("SAM_LITTER", str(folder / "litter"))
    with contextlib.ExitStack() as stack:

        def start(bench: BenchFile, sam: SamEmulator) -> Path:
            stack.callback(SamSocket(folder / "socket", bench, sam).close)
            return folder / "fault"

        yield start


@pytest.fixture
def policy() -> ReadPolicy:
    """What the reader is made with; a test may set its own by parametrising ``policy``."""
    return ReadPolicy(assurance=Assurance.UNVERIFIED)


@pytest.fixture
def no_children_left() -> Iterator[None]:
    """Fail a test that leaves a child process; pcscd stays for the whole module. Threads are watched for all tests."""
    yield
    deadline = time.monotonic() + LIMIT_S
    while left := _children():
        assert time.monotonic() < deadline, f"processes left behind: {left}"
        time.sleep(0.02)


def _children() -> list[str]:
    names = []
    for child in psutil.Process().children(recursive=True):
        try:
            names.append(child.name())
        except psutil.NoSuchProcess:
            continue
    return [name for name in names if name != "pcscd"]


@pytest.fixture
def booth(
    request: pytest.FixtureRequest, tmp_path: Path, policy: ReadPolicy, no_children_left: None
) -> Iterator[Booth]:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    yield from WAYS[request.param].make(Desk(bench, SamEmulator(), policy, request))
