"""The USB reader over a bus with rules: endpoints, transfers, halted pipes, and what every failure is called."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import usb.core
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.contracts import Assurance, CancelToken, DeviceState, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy, SdtSession
from drivers.idcard.sdt import Command, SamStatus, decode_reply, encode_command
from drivers.idcard.usb import Framing, UsbChannel, UsbDevice
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.people import PERSON_A
from drivers.simulated.sam import Fault, SamEmulator
from drivers.simulated.sam_usb import PRODUCT, PRODUCT_ID, VENDOR_ID, SimulatedUsbBackend

POLICY = ReadPolicy(assurance=Assurance.UNVERIFIED)
FRAMINGS: tuple[Framing, Framing] = ("split", "whole")


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState(card="person-a"))
    return bench


@pytest.fixture
def sam() -> SamEmulator:
    return SamEmulator()


@pytest.fixture(params=FRAMINGS)
def framing(request: pytest.FixtureRequest) -> Framing:
    return request.param


@pytest.fixture
def backend(bench: BenchFile, sam: SamEmulator, framing: Framing) -> SimulatedUsbBackend:
    return SimulatedUsbBackend(bench, sam, framing)


@pytest.fixture
def device(backend: SimulatedUsbBackend, framing: Framing) -> UsbDevice:
    return UsbDevice(vendor_id=VENDOR_ID, product_id=PRODUCT_ID, framing=framing, backend=backend)


@pytest.fixture
def channel(device: UsbDevice) -> Iterator[UsbChannel]:
    with closing(device.open()) as channel:
        yield channel


def ask(channel: UsbChannel, command: Command, timeout_s: float = 2.0) -> int:
    return decode_reply(channel.exchange(encode_command(command), timeout_s=timeout_s, cancel=CancelToken())).status


def refusal(device: UsbDevice) -> str:
    with pytest.raises(DeviceError) as raised:
        device.open()
    assert raised.value.code is ErrorCode.READER_ABSENT
    return str(raised.value)


def test_name_and_firmware_come_from_the_descriptors(channel: UsbChannel) -> None:
    assert (channel.name, channel.firmware) == (PRODUCT, "1.02")


def test_a_product_without_a_name(
    device: UsbDevice, backend: SimulatedUsbBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise usb.core.USBError("Pipe error", errno=errno.EPIPE)

    monkeypatch.setattr(backend, "ctrl_transfer", refuse)
    with closing(device.open()) as channel:
        assert channel.name == "USB 0400:c35a"


def test_a_card_is_read(channel: UsbChannel) -> None:
    record = SdtSession(channel, timeout_s=2.0, cancel=CancelToken()).read(POLICY)
    assert record.id_number == PERSON_A.number


def test_the_framing_has_to_fit_the_pipes(backend: SimulatedUsbBackend, framing: Framing) -> None:
    other: Framing = "whole" if framing == "split" else "split"
    device = UsbDevice(vendor_id=VENDOR_ID, product_id=PRODUCT_ID, framing=other, backend=backend)
    if framing == "whole":
        assert 'no pipes for framing "split"' in refusal(device)
        return
    with closing(device.open()) as channel, pytest.raises(DeviceError) as raised:
        ask(channel, Command.SAM_STATUS, timeout_s=0.2)
    assert raised.value.code is ErrorCode.CARD_UNREADABLE


def test_a_kernel_driver_is_detached_and_an_unconfigured_device_configured(
    device: UsbDevice, backend: SimulatedUsbBackend
) -> None:
    backend.has_kernel_driver = True
    backend.is_configured = False
    with closing(device.open()) as channel:
        assert ask(channel, Command.SAM_STATUS) == SamStatus.SUCCESS
    assert backend.is_configured
    assert not backend.has_kernel_driver


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "60-evaluation-workstation.rules"), (errno.ENODEV, "No such device"), (errno.EIO, "Input/output")],
)
def test_refused_openings(device: UsbDevice, backend: SimulatedUsbBackend, number: int, words: str) -> None:
    backend.refusal = number
    assert words in refusal(device)
    backend.refusal = 0
    device.open().close()


def test_a_reader_in_use_is_refused_until_it_is_given_back(device: UsbDevice) -> None:
    with closing(device.open()):
        assert "another program" in refusal(device)
    device.open().close()


def test_no_reader_and_no_libusb(device: UsbDevice, bench: BenchFile, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.change(reader_plugged=False)
    assert "USB 0400:c35a is not plugged in" in refusal(device)

    def find(**_: object) -> None:
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", find)
    assert "libusb 1.0 is not installed" in refusal(device)


def test_a_halted_pipe_is_cleared_once(channel: UsbChannel, backend: SimulatedUsbBackend, framing: Framing) -> None:
    backend.halted = {0x85 if framing == "split" else 0x82}
    assert ask(channel, Command.SAM_STATUS) == SamStatus.SUCCESS
    backend.clear_halt = lambda *_: None  # type: ignore[method-assign] - a pipe that stays halted
    backend.halted = {0x06 if framing == "split" else 0x01}
    with pytest.raises(DeviceError) as raised:
        ask(channel, Command.SAM_STATUS)
    assert raised.value.code is ErrorCode.CARD_UNREADABLE


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.WRONG_LENGTH, Fault.ZERO_LENGTH, Fault.DRIBBLE])
def test_the_rest_of_a_broken_reply_is_no_answer_to_the_next_command(
    channel: UsbChannel, sam: SamEmulator, fault: Fault
) -> None:
    sam.inject(fault)
    ask(channel, Command.FIND_CARD)
    ask(channel, Command.SELECT_CARD)
    with pytest.raises(DeviceError):
        ask(channel, Command.READ_BASE, timeout_s=0.1)
    assert ask(channel, Command.SAM_STATUS) == SamStatus.SUCCESS


def test_cancel_ends_a_silent_exchange(channel: UsbChannel, sam: SamEmulator) -> None:
    sam.inject(Fault.SILENT)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        channel.exchange(encode_command(Command.READ_BASE), timeout_s=600.0, cancel=cancel)


def test_a_reader_that_fails_its_self_test_is_failed_until_it_works(device: UsbDevice, sam: SamEmulator) -> None:
    with closing(PolledSdtReader(device.open, POLICY)) as reader:
        assert reader.wait(Presence.NO_READER, timeout_s=5.0, cancel=CancelToken()) is Presence.CARD
        sam.inject(SamStatus.SELF_TEST_FAILED, command=Command.FIND_CARD)
        assert reader.wait(Presence.CARD, timeout_s=5.0, cancel=CancelToken()) is Presence.EMPTY
        assert (reader.status.state, reader.status.code) == (DeviceState.FAILED, ErrorCode.CARD_READER_BROKEN)
        assert reader.wait(Presence.EMPTY, timeout_s=5.0, cancel=CancelToken()) is Presence.CARD
        assert reader.status.state is DeviceState.READY


def test_a_silent_reader_is_no_reader(device: UsbDevice, sam: SamEmulator) -> None:
    with closing(PolledSdtReader(device.open, POLICY)) as reader:
        assert reader.wait(Presence.NO_READER, timeout_s=5.0, cancel=CancelToken()) is Presence.CARD
        sam.inject(Fault.SILENT, command=Command.FIND_CARD)
        assert reader.wait(Presence.CARD, timeout_s=5.0, cancel=CancelToken()) is Presence.NO_READER
        assert (reader.status.state, reader.status.detail) == (DeviceState.ABSENT, "no reply in time")
        assert reader.wait(Presence.NO_READER, timeout_s=5.0, cancel=CancelToken()) is Presence.CARD


def test_a_card_of_a_wrong_kind_is_there_all_the_same(device: UsbDevice, sam: SamEmulator) -> None:
    with closing(PolledSdtReader(device.open, POLICY)) as reader:
        sam.inject(SamStatus.UNKNOWN_CARD_TYPE, command=Command.FIND_CARD)
        assert reader.wait(Presence.NO_READER, timeout_s=5.0, cancel=CancelToken()) is Presence.CARD
        assert reader.status.state is DeviceState.READY


def outcome(channel: UsbChannel, timeout_s: float) -> IdCardRecord | ErrorCode:
    try:
        return SdtSession(channel, timeout_s=timeout_s, cancel=CancelToken()).read(POLICY)
    except DeviceError as error:
        return error.code


class _Babbling(SimulatedUsbBackend):
    """Gives the same packets to everybody who reads."""

    packets: tuple[bytes, ...] = ()

    def _answer(self, frame: bytes) -> None:
        for queue in self._packets.values():
            queue.extend((0.0, packet) for packet in self.packets)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=64) | st.just(bytes.fromhex("AAAAAA96690004")), max_size=6))
def test_any_packets_are_a_record_or_a_typed_error(bench: BenchFile, framing: Framing, packets: list[bytes]) -> None:
    backend = _Babbling(bench, SamEmulator(), framing)
    backend.packets = tuple(packets)
    device = UsbDevice(vendor_id=VENDOR_ID, product_id=PRODUCT_ID, framing=framing, backend=backend)
    with closing(device.open()) as channel:
        assert isinstance(outcome(channel, 0.1), IdCardRecord | ErrorCode)
