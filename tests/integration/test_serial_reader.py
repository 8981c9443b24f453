"""The serial reader over a real terminal: speeds, locking, unplugging, and a line full of noise."""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.contracts import Assurance, CancelToken, DeviceState, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy, SdtSession
from drivers.idcard.sdt import MIN_COMMAND_LENGTH, Command, FrameDecoder, SamStatus, encode_command, encode_frame
from drivers.idcard.serial_port import BAUD_RATES, SerialChannel, SerialPort
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.people import PERSON_A
from drivers.simulated.sam import SAM_ID, SamEmulator
from drivers.simulated.sam_serial import SerialSam

LIMIT_S = 20.0
POLICY = ReadPolicy(assurance=Assurance.UNVERIFIED)


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def start_sam(bench: BenchFile) -> Iterator[Callable[[int], str]]:
    """Start a SAM at a speed; returns the name of its port."""
    lifeline, held = os.pipe()
    threads: list[threading.Thread] = []

    def start(baud: int) -> str:
        link = bench.path.with_name("port")
        sam = SerialSam(BenchFile(bench.path), SamEmulator(), link, baud)
        threads.append(threading.Thread(target=sam.run, args=(lifeline,)))
        threads[-1].start()
        deadline = time.monotonic() + LIMIT_S
        while not link.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return os.fspath(link)

    yield start
    os.close(held)
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    os.close(lifeline)


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A bare line: the far end, and the name of the near one."""
    far, near = os.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    yield far, os.ttyname(near)
    os.close(near)
    os.close(far)


def await_presence(reader: PolledSdtReader, wanted: Presence) -> None:
    deadline = time.monotonic() + LIMIT_S
    presence = None
    while presence is not wanted:
        assert time.monotonic() < deadline, f"never {wanted}, {reader.status}"
        presence = reader.wait(presence or Presence.NO_READER, timeout_s=1.0, cancel=CancelToken())


def opened(port: str, baud: int = 0) -> PolledSdtReader:
    return PolledSdtReader(SerialPort(port, baud).open, POLICY)


@pytest.mark.parametrize("baud", BAUD_RATES)
def test_the_speed_is_found_and_told(start_sam: Callable[[int], str], bench: BenchFile, baud: int) -> None:
    port = start_sam(baud)
    with closing(opened(port)) as reader:
        await_presence(reader, Presence.EMPTY)
        status = reader.status
        assert (status.state, status.name) == (DeviceState.READY, f"{port} ({baud} Bd)")
        assert status.serial == str(SAM_ID)
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number


def test_the_speed_found_last_is_tried_first(start_sam: Callable[[int], str], bench: BenchFile) -> None:
    port = SerialPort(start_sam(9600))
    with closing(PolledSdtReader(port.open, POLICY)) as reader:
        await_presence(reader, Presence.EMPTY)
        assert port.baud_rates == (9600, 115200, 57600, 38400, 19200)
        bench.change(reader_plugged=False)
        await_presence(reader, Presence.NO_READER)
        bench.change(reader_plugged=True)
        await_presence(reader, Presence.EMPTY)
        assert reader.status.name.endswith("(9600 Bd)")


def test_a_configured_speed_is_the_only_one_tried(start_sam: Callable[[int], str]) -> None:
    port = start_sam(9600)
    with closing(opened(port, 115200)) as reader:
        assert reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is Presence.NO_READER
        assert (reader.status.state, reader.status.detail) == (DeviceState.ABSENT, f"{port}: no reader answers")


def test_the_port_is_opened_for_nobody_else(start_sam: Callable[[int], str]) -> None:
    port = start_sam(115200)
    with serial.Serial(port, exclusive=True), closing(opened(port)) as reader:
        assert reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is Presence.NO_READER
        assert "exclusively lock" in reader.status.detail
    with closing(opened(port)) as reader:
        await_presence(reader, Presence.EMPTY)
        with pytest.raises(serial.SerialException, match="exclusively lock"):
            serial.Serial(port, exclusive=True)
    serial.Serial(port, exclusive=True).close()


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    port = os.fspath(tmp_path / "none")
    with closing(opened(port)) as reader:
        assert reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is Presence.NO_READER
        assert os.strerror(errno.ENOENT) in reader.status.detail
        with pytest.raises(DeviceError) as raised:
            reader.read(timeout_s=1.0, cancel=CancelToken())
        assert raised.value.code is ErrorCode.READER_ABSENT


def test_loss_and_return_are_logged_once(
    start_sam: Callable[[int], str], bench: BenchFile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drivers.idcard")
    with closing(opened(start_sam(115200))) as reader:
        await_presence(reader, Presence.EMPTY)
        bench.change(reader_plugged=False)
        await_presence(reader, Presence.NO_READER)
        for _ in range(3):
            assert reader.wait(Presence.NO_READER, timeout_s=0.4, cancel=CancelToken()) is Presence.NO_READER
        bench.change(reader_plugged=True)
        await_presence(reader, Presence.EMPTY)
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "card reader found",
        "card reader lost",
        "card reader found",
    ]


def test_a_silent_line_is_given_up_on_cancel(line: tuple[int, str]) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with closing(SerialPort(line[1]).open()) as channel, pytest.raises(CancelledError):
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=600.0, cancel=cancel)
    timer.join()


def test_nothing_but_the_status_is_sent_to_find_the_speed(line: tuple[int, str]) -> None:
    far, port = line
    with closing(SerialPort(port).open()) as channel, pytest.raises(DeviceError) as raised:
        channel.exchange(encode_command(Command.SAM_ID), timeout_s=5.0, cancel=CancelToken())
    assert raised.value.code is ErrorCode.READER_ABSENT
    sent = os.read(far, 4096)
    status = encode_command(Command.SAM_STATUS)
    assert len(sent) >= len(BAUD_RATES) * len(status)
    assert sent == status * (len(sent) // len(status))


def outcome(channel: SerialChannel, timeout_s: float) -> IdCardRecord | ErrorCode:
    try:
        return SdtSession(channel, timeout_s=timeout_s, cancel=CancelToken()).read(POLICY)
    except DeviceError as error:
        return error.code


class Answering:
    """Answers the status at once, and every other command with the given portions."""

    def __init__(self, far: int, portions: list[bytes]) -> None:
        self._far = far
        self._portions = portions
        self._lifeline, self._held = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        os.close(self._held)
        self._thread.join(LIMIT_S)
        os.close(self._lifeline)

    def _run(self) -> None:
        decoder = FrameDecoder(MIN_COMMAND_LENGTH)
        while self._lifeline not in (readable := select.select([self._far, self._lifeline], [], [])[0]):
            payload = decoder.feed(os.read(readable[0], 4096))
            if payload is None:
                continue
            is_status = bytes(payload) == Command.SAM_STATUS.value
            for portion in [encode_frame(bytes([0, 0, SamStatus.SUCCESS]))] if is_status else self._portions:
                os.write(self._far, portion)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300) | st.just(bytes.fromhex("AAAAAA9669")), max_size=4))
def test_any_bytes_on_the_line_are_a_record_or_a_typed_error(line: tuple[int, str], portions: list[bytes]) -> None:
    far, port = line
    with closing(Answering(far, portions)), closing(SerialPort(port).open()) as channel:
        assert isinstance(outcome(channel, 0.15), IdCardRecord | ErrorCode)


def test_a_line_that_is_never_quiet_is_given_up(line: tuple[int, str]) -> None:
    far, port = line
    is_over = threading.Event()

    def babble() -> None:
        while not is_over.is_set():
            try:
                os.write(far, b"\x55" * 512)
            except BlockingIOError:
                is_over.wait(0.001)

    babbler = threading.Thread(target=babble)
    babbler.start()
    try:
        with closing(SerialPort(port).open()) as channel, pytest.raises(DeviceError) as raised:
            channel.exchange(encode_command(Command.FIND_CARD), timeout_s=2.0, cancel=CancelToken())
    finally:
        is_over.set()
        babbler.join()
    assert raised.value.code in {ErrorCode.READER_ABSENT, ErrorCode.CARD_UNREADABLE}
