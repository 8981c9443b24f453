"""The PC/SC reader against a real pcscd: restarts, processes that end, calls that never return."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from smartcard import scard

from drivers.contracts import Assurance, CancelToken, DeviceState, Presence
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.reader import ReadPolicy
from drivers.simulated import pcscd as pcscd_module
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdError, PcscdService, free_port_pair
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.sam import Fault, SamEmulator
from drivers.simulated.vpcd import VpcdCard

pytestmark = pytest.mark.pcscd

LIMIT_S = 20.0


@pytest.fixture
def port() -> int:
    return free_port_pair()


@pytest.fixture
def service(port: int) -> Iterator[PcscdService]:
    with PcscdService(port) as service:
        yield service


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def card_process(bench: BenchFile, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "drivers.simulated.vpcd", "--bench", os.fspath(bench.path), "--port", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        _, complaints = process.communicate(timeout=LIMIT_S)  # closes its standard input
        assert (process.returncode, complaints) == (0, b"")


@pytest.fixture
def sam_card(bench: BenchFile, port: int) -> Iterator[SamEmulator]:
    """A drill card in this process, whose SAM takes faults."""
    sam = SamEmulator()
    lifeline, held = os.pipe()
    thread = threading.Thread(target=VpcdCard(BenchFile(bench.path), sam, port).run, args=(lifeline,))
    thread.start()
    yield sam
    os.close(held)
    thread.join(LIMIT_S)
    os.close(lifeline)
    assert not thread.is_alive()


@pytest.fixture
def reader() -> Iterator[PcscCardReader]:
    reader = PcscCardReader(READER_NAME, ReadPolicy(assurance=Assurance.UNVERIFIED))
    yield reader
    reader.close()


def await_presence(reader: PcscCardReader, wanted: Presence) -> None:
    deadline = time.monotonic() + LIMIT_S
    presence = None
    while presence is not wanted:
        assert time.monotonic() < deadline, f"never {wanted}"
        presence = reader.wait(presence or Presence.NO_READER, timeout_s=1.0, cancel=CancelToken())


def state(reader: PcscCardReader) -> DeviceState:
    return reader.status.state


def read_number(reader: PcscCardReader) -> str:
    return reader.read(timeout_s=5.0, cancel=CancelToken()).id_number


class Waiter:
    """One ``wait`` on a thread of its own."""

    def __init__(self, reader: PcscCardReader, known: Presence) -> None:
        self.seen: list[Presence] = []
        self._thread = threading.Thread(
            target=lambda: self.seen.append(reader.wait(known, timeout_s=LIMIT_S, cancel=CancelToken()))
        )
        self._thread.start()

    def result(self) -> Presence:
        self._thread.join(2 * LIMIT_S)
        return self.seen[0]


@pytest.mark.usefixtures("service", "card_process")
def test_drill_card_process(bench: BenchFile, reader: PcscCardReader) -> None:
    for card, person in (("person-a", PERSON_A), ("person-b", PERSON_B)):
        bench.change(card=card)
        await_presence(reader, Presence.CARD)
        assert read_number(reader) == person.number
        bench.change(card=None)
        await_presence(reader, Presence.EMPTY)


@pytest.mark.usefixtures("service")
def test_drill_card_process_ends_on_sigterm(
    bench: BenchFile, reader: PcscCardReader, card_process: subprocess.Popen[bytes]
) -> None:
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    card_process.send_signal(signal.SIGTERM)
    assert card_process.wait(LIMIT_S) == 0
    await_presence(reader, Presence.EMPTY)


@pytest.mark.usefixtures("card_process")
def test_service_restarts_while_waiting(
    bench: BenchFile, service: PcscdService, reader: PcscCardReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drivers.idcard")
    await_presence(reader, Presence.EMPTY)
    waiter = Waiter(reader, Presence.EMPTY)
    service.stop()
    assert waiter.result() is Presence.NO_READER
    waiter = Waiter(reader, Presence.NO_READER)
    time.sleep(1.2)  # long enough for attempts that fail
    assert not waiter.seen
    service.start()
    assert waiter.result() is Presence.EMPTY
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "card reader found",
        "card reader lost",
        "card reader found",
    ]
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    assert read_number(reader) == PERSON_A.number


@pytest.mark.usefixtures("card_process")
def test_service_restarts_while_a_card_lies_there(
    bench: BenchFile, service: PcscdService, reader: PcscCardReader
) -> None:
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    waiter = Waiter(reader, Presence.CARD)
    service.stop()
    assert waiter.result() is Presence.NO_READER
    service.start()
    await_presence(reader, Presence.CARD)
    assert read_number(reader) == PERSON_A.number


@pytest.mark.usefixtures("card_process")
def test_service_restarts_unseen_between_wait_and_read(
    bench: BenchFile, service: PcscdService, reader: PcscCardReader
) -> None:
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    service.stop()
    service.start()
    assert reader.wait(Presence.CARD, timeout_s=LIMIT_S, cancel=CancelToken()) is Presence.NO_READER
    await_presence(reader, Presence.CARD)
    assert read_number(reader) == PERSON_A.number


def test_without_a_service_wait_tries_seldom_and_can_be_cancelled(
    reader: PcscCardReader, service: PcscdService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.stop()
    tries = 0
    establish = scard.SCardEstablishContext

    def counted(scope: int) -> tuple[int, int]:
        nonlocal tries
        tries += 1
        return establish(scope)

    monkeypatch.setattr(scard, "SCardEstablishContext", counted)
    assert reader.wait(Presence.NO_READER, timeout_s=1.2, cancel=CancelToken()) is Presence.NO_READER
    assert 1 <= tries <= 3
    assert reader.status.state is DeviceState.ABSENT
    assert reader.status.detail == "SCARD 0x8010001D: the smart card service does not run"
    cancel = CancelToken()
    timer = threading.Timer(0.1, cancel.cancel)
    timer.start()
    assert reader.wait(Presence.NO_READER, timeout_s=600.0, cancel=cancel) is Presence.NO_READER
    timer.join()


@pytest.mark.usefixtures("service")
def test_another_reader_is_not_ours() -> None:
    reader = PcscCardReader("^No such reader", ReadPolicy(assurance=Assurance.UNVERIFIED))
    assert reader.wait(Presence.NO_READER, timeout_s=0.3, cancel=CancelToken()) is Presence.NO_READER
    assert reader.status.detail == "SCARD 0x8010002E"
    with pytest.raises(DeviceError) as raised:
        reader.read(timeout_s=1.0, cancel=CancelToken())
    assert raised.value.code is ErrorCode.READER_ABSENT
    reader.close()


@pytest.mark.usefixtures("service")
def test_calls_that_never_return_are_few_and_end_with_the_card(
    bench: BenchFile, reader: PcscCardReader, sam_card: SamEmulator
) -> None:
    sam_card.inject(Fault.ZERO_LENGTH)
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    codes = []
    for _ in range(4):
        with pytest.raises(DeviceError) as raised:
            reader.read(timeout_s=0.3, cancel=CancelToken())
        codes.append(raised.value.code)
    assert codes == 3 * [ErrorCode.CARD_UNREADABLE] + [ErrorCode.CARD_READER_BROKEN]
    assert state(reader) is DeviceState.FAILED
    assert sum(thread.name == "idcard-pcsc-link" for thread in threading.enumerate()) == 3
    bench.change(card=None)
    await_presence(reader, Presence.EMPTY)
    bench.change(card="person-b")
    await_presence(reader, Presence.CARD)
    assert read_number(reader) == PERSON_B.number
    assert state(reader) is DeviceState.READY


def test_drills_take_turns(service: PcscdService, port: int) -> None:
    with pytest.raises(PcscdError, match="holds the PC/SC service"):
        PcscdService(port).start(lock_timeout_s=0.1)
    service.start()
    assert service.is_running


def test_a_foreign_pcscd_is_refused(service: PcscdService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pcscd_module, "_LOCK", tmp_path / "lock")
    with pytest.raises(PcscdError, match="another pcscd runs"):
        PcscdService(free_port_pair()).start()
    assert service.is_running


def test_a_pcscd_left_behind_by_a_killed_drill_is_ended(port: int) -> None:
    script = (
        "import os, signal, sys\n"
        "from drivers.simulated.pcscd import PcscdService\n"
        "PcscdService(int(sys.argv[1])).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    drill = subprocess.run([sys.executable, "-c", script, str(port)], timeout=3 * LIMIT_S, check=False)
    assert drill.returncode == -signal.SIGKILL
    with PcscdService(port) as service:
        assert service.is_running


def test_only_root_can_run_it(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PcscdError, match="root"):
        PcscdService(port).start()
