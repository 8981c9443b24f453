"""Vendors' reader libraries that hang, crash, print, litter, lie or are not the pinned ones: the next card is read."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from drivers.contracts import Assurance, CancelToken, DeviceState, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy, SdtSession
from drivers.idcard.sdt import Command, decode_reply, encode_command
from drivers.idcard.vendor.channel import VendorChannel
from drivers.idcard.vendor.process import CHILD_FILE, PinnedLibrary
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.sam import Fault, SamEmulator

COMMAND = [sys.executable, "-m", "drivers.idcard.vendor.child"]
POLICY = ReadPolicy(assurance=Assurance.UNVERIFIED)
LIMIT_S = 20.0


@dataclass(frozen=True)
class Desk:
    """A channel under test and the hands beside it."""

    channel: VendorChannel
    library: PinnedLibrary
    bench: BenchFile
    sam: SamEmulator
    fault: Path

    def place(self, card: str | None) -> None:
        self.bench.change(card=card)

    def read(self, timeout_s: float = 5.0) -> str:
        return SdtSession(self.channel, timeout_s=timeout_s, cancel=CancelToken()).read(POLICY).id_number

    def failure(self, timeout_s: float = 1.0) -> DeviceError:
        with pytest.raises(DeviceError) as raised:
            self.read(timeout_s)
        return raised.value

    def ask(self, command: Command, timeout_s: float = 5.0, cancel: CancelToken | None = None) -> int:
        frame = encode_command(command)
        return decode_reply(self.channel.exchange(frame, timeout_s=timeout_s, cancel=cancel or CancelToken())).status

    def require_next_card(self) -> None:
        """A card that is placed now is read."""
        self.place(None)
        assert self.ask(Command.FIND_CARD) == 0x80
        self.place("person-b")
        assert self.read() == PERSON_B.number


@pytest.fixture
def make_desk(compile_library, start_sam, tmp_path: Path, no_children_left: None) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(profile: str = "sdt", *, command: list[str] = COMMAND, definitions: tuple[str, ...] = ()) -> Desk:
        bench = BenchFile(tmp_path / "bench.json")
        bench.write(BenchState())
        sam = SamEmulator()
        library = compile_library("reader.c", profile.upper(), *definitions)
        fault = start_sam(BenchFile(bench.path), sam)
        channel = VendorChannel(command, library, profile=profile, port=1001)
        desks.append(Desk(channel, library, bench, sam, fault))
        return desks[-1]

    before = set(Path("/proc/self/fd").iterdir())
    yield make
    for desk in desks:
        desk.channel.close()
        desk.channel.close()
    left = [name for name in set(Path("/proc/self/fd").iterdir()) - before if _is_pipe_or_library(name)]
    assert not left, "descriptors left open"


def _is_pipe_or_library(descriptor: Path) -> bool:
    try:
        target = descriptor.readlink()
    except OSError:
        return False
    return str(target).startswith("pipe:") or target.suffix == ".so"


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.mark.parametrize("profile", ["sdt", "syn", "cvr"])
@pytest.mark.parametrize("fault", ["hang", "fork and hang", "crash", "abort", "exit", "overrun"])
def test_a_library_that_hangs_or_crashes(make_desk: Callable[..., Desk], profile: str, fault: str) -> None:
    desk = make_desk(profile)
    desk.place("person-a")
    desk.fault.write_text(fault)
    error = desk.failure()
    assert error.code is ErrorCode.CARD_UNREADABLE
    assert desk.channel.pid is None
    assert PERSON_A.number not in f"{error!r} {error.context}"
    desk.require_next_card()


def test_a_library_that_prints_disturbs_nobody(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.place("person-a")
    desk.fault.write_text("print")
    assert desk.read() == PERSON_A.number
    assert not desk.fault.exists()
    assert capfd.readouterr() == ("", "")


def test_what_a_library_writes_to_a_file_never_gets_there(desk: Desk) -> None:
    desk.place("person-a")
    desk.fault.write_text("litter")
    assert desk.read() == PERSON_A.number
    assert not desk.fault.exists()
    litter = Path(os.environ["SAM_LITTER"])
    assert litter.read_bytes() == b""


def test_a_library_that_claims_more_than_there_is_room_for(desk: Desk) -> None:
    desk.place("person-a")
    desk.fault.write_text("claim")
    assert desk.failure().code is ErrorCode.CARD_LIFTED  # it is sought again, and a SAM finds a card once
    desk.require_next_card()


def test_a_child_killed_between_two_cards(desk: Desk) -> None:
    desk.place("person-a")
    assert desk.read() == PERSON_A.number
    assert desk.channel.pid is not None
    os.kill(desk.channel.pid, signal.SIGKILL)
    desk.place(None)
    assert desk.failure().code is ErrorCode.CARD_UNREADABLE
    desk.require_next_card()


def test_a_child_killed_in_the_middle_of_an_exchange(desk: Desk) -> None:
    desk.sam.inject(Fault.SILENT)
    desk.place("person-a")
    assert desk.ask(Command.FIND_CARD) == 0x9F
    pid = desk.channel.pid
    assert pid is not None
    timer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    timer.start()
    assert desk.failure(timeout_s=LIMIT_S).code is ErrorCode.CARD_UNREADABLE
    timer.join()
    desk.require_next_card()


def test_a_stopped_child_is_replaced(desk: Desk) -> None:
    desk.place("person-a")
    assert desk.ask(Command.FIND_CARD) == 0x9F
    pid = desk.channel.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert desk.failure().code is ErrorCode.CARD_UNREADABLE
    assert not psutil.pid_exists(pid)
    desk.require_next_card()


def test_a_cancelled_exchange_keeps_the_child_and_mixes_up_no_replies(desk: Desk) -> None:
    assert desk.ask(Command.SAM_STATUS) == 0x90
    pid = desk.channel.pid
    os.kill(pid, signal.SIGSTOP)
    cancel = CancelToken()
    timer = threading.Timer(0.1, cancel.cancel)
    timer.start()
    with pytest.raises(CancelledError):
        desk.ask(Command.SAM_ID, timeout_s=LIMIT_S, cancel=cancel)
    timer.join()
    os.kill(pid, signal.SIGCONT)
    assert desk.ask(Command.SELECT_CARD) == 0x81
    assert desk.channel.pid == pid


def test_cancel_ends_a_start_that_hangs(desk: Desk) -> None:
    channel = VendorChannel([sys.executable, "-c", "input()"], desk.library, profile="sdt", port=1001)
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with pytest.raises(CancelledError):
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=LIMIT_S, cancel=cancel)
    timer.join()
    assert channel.pid is None


def test_a_port_that_cannot_be_opened(desk: Desk) -> None:
    desk.bench.change(reader_plugged=False)
    error = desk.failure()
    assert (error.code, error.retryable) == (ErrorCode.READER_ABSENT, True)
    assert "port 1001" in str(error)
    desk.bench.change(reader_plugged=True)
    desk.require_next_card()


def test_a_missing_function_is_named(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(definitions=("WITHOUT_SELECT",))
    error = desk.failure()
    assert (error.code, error.retryable) == (ErrorCode.CARD_READER_BROKEN, False)
    assert "SDT_SelectIDCard" in str(error)


@pytest.mark.parametrize("profile", ["syn", "cvr"])
def test_a_library_of_another_family(make_desk: Callable[..., Desk], profile: str) -> None:
    desk = make_desk()
    channel = VendorChannel(COMMAND, desk.library, profile=profile, port=1001)
    with pytest.raises(DeviceError, match="function missing"):
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())


def unfit(desk: Desk, library: PinnedLibrary, command: list[str] = COMMAND) -> str:
    """Return why this library is refused, and hold that no child was left for it."""
    channel = VendorChannel(command, library, profile="sdt", port=1001)
    with pytest.raises(DeviceError) as raised:
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.CARD_READER_BROKEN, False)
    assert channel.pid is None
    return str(raised.value)


def test_only_the_pinned_file_is_loaded(desk: Desk, tmp_path: Path) -> None:
    library = desk.library
    assert "SHA-256" in unfit(desk, replace(library, sha256="0" * 64))
    assert "SHA-256" in unfit(desk, replace(library, sha256=""))
    assert "not absolute" in unfit(desk, replace(library, path=Path(os.path.relpath(library.path))))
    assert "no regular file" in unfit(desk, replace(library, path=tmp_path))
    assert "cannot be opened" in unfit(desk, replace(library, path=tmp_path / "none.so"))
    os.mkfifo(tmp_path / "fifo.so")
    assert "no regular file" in unfit(desk, replace(library, path=tmp_path / "fifo.so"))


def test_a_library_replaced_between_two_starts_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "vendor.so"
    shutil.copy(desk.library.path, path)
    channel = VendorChannel(COMMAND, replace(desk.library, path=path), profile="sdt", port=1001)
    channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())
    channel.close()
    (tmp_path / "other.so").write_bytes(path.read_bytes() + b"\0")
    (tmp_path / "other.so").replace(path)
    with pytest.raises(DeviceError, match="SHA-256"):
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())


def test_the_file_that_was_hashed_is_the_one_that_is_loaded(desk: Desk, tmp_path: Path) -> None:
    """A helper that takes its time: the library's name belongs to another file before it is loaded."""
    path = tmp_path / "vendor.so"
    shutil.copy(desk.library.path, path)
    swap = f"import os, runpy; os.unlink({str(path)!r}); runpy.run_path({str(CHILD_FILE)!r}, run_name='__main__')"
    channel = VendorChannel([sys.executable, "-c", swap], replace(desk.library, path=path), profile="sdt", port=1001)
    channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())
    assert not path.exists()
    channel.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no library", "cannot be loaded"), (b"\x7fELF\1\1\1".ljust(4096, b"\0"), "wrong ELF class: ELFCLASS32")],
    ids=["text", "32 bit"],
)
def test_what_cannot_be_loaded(desk: Desk, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "vendor.so").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert reason in unfit(desk, PinnedLibrary(path=tmp_path / "vendor.so", sha256=digest))


def test_a_helper_that_cannot_be_run(desk: Desk, tmp_path: Path) -> None:
    assert "helper cannot be run" in unfit(desk, desk.library, [str(tmp_path / "python")])


@pytest.mark.parametrize(
    "program",
    ["", "print('x' * 100000)", "import os; os.write(1, b'\\0\\0\\0\\0')", "import os; os.write(1, b'\\0\\0')"],
)
def test_a_helper_that_talks_nonsense(desk: Desk, program: str) -> None:
    channel = VendorChannel([sys.executable, "-c", program], desk.library, profile="sdt", port=1001)
    with pytest.raises(DeviceError) as raised:
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())
    assert raised.value.code is ErrorCode.READER_ABSENT
    assert channel.pid is None


def test_a_bare_python_can_be_the_helper(make_desk: Callable[..., Desk]) -> None:
    """As a file, without our packages and without site-packages."""
    desk = make_desk(command=[sys.executable, "-I", "-S", str(CHILD_FILE)])
    desk.place("person-a")
    assert desk.read() == PERSON_A.number


def test_the_child_ends_with_the_kiosk(desk: Desk) -> None:
    """Its stdin is all that ties it to us; the library hangs meanwhile."""
    desk.place("person-a")
    assert desk.ask(Command.FIND_CARD) == 0x9F
    assert desk.ask(Command.SELECT_CARD) == 0x90
    child = psutil.Process(desk.channel.pid)
    desk.fault.write_text("hang")
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with pytest.raises(CancelledError):
        desk.ask(Command.READ_BASE, timeout_s=LIMIT_S, cancel=cancel)
    timer.join()
    assert desk.channel._process is not None
    stdin = desk.channel._process._process.stdin
    assert stdin is not None
    stdin.close()
    deadline = time.monotonic() + LIMIT_S
    while child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_child_dumps_no_core(desk: Desk) -> None:
    desk.ask(Command.SAM_STATUS)
    limits = Path(f"/proc/{desk.channel.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_a_library_that_is_not_the_pinned_one_is_a_failed_reader_until_it_is(desk: Desk) -> None:
    pinned = [replace(desk.library, sha256="0" * 64), desk.library]
    reader = PolledSdtReader(lambda: VendorChannel(COMMAND, pinned[0], profile="sdt", port=1001), POLICY)
    assert reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is Presence.NO_READER
    assert (reader.status.state, reader.status.code) == (DeviceState.FAILED, ErrorCode.CARD_READER_BROKEN)
    assert "pinned" in reader.status.detail
    del pinned[0]
    assert reader.wait(Presence.NO_READER, timeout_s=LIMIT_S, cancel=CancelToken()) is Presence.EMPTY
    assert reader.status.state is DeviceState.READY
    reader.close()
