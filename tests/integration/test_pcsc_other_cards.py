"""What else lies on a PC/SC reader, or keeps it from us, against a real pcscd."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from smartcard import scard

from drivers.contracts import Assurance, CancelToken, CardReader, DeviceState, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode, OtherCard, WrongCardError
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.pcsc_frames import EscapeFrames, OpenFrames, RawFrames, StoragePages
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.uid import UidOnlyReader
from drivers.simulated import vpcd
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.other_cards import BARE_ID_CARD, OTHER_CARDS, ScriptedCard
from drivers.simulated.pcscd import READER_NAME, PcscdService, free_port_pair
from drivers.simulated.people import PERSON_A
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.sam import SamEmulator
from drivers.simulated.vpcd import Shown, VpcdCard

pytestmark = pytest.mark.pcscd

LIMIT_S = 20.0
POLICY = ReadPolicy(assurance=Assurance.UNVERIFIED)
MIFARE = ScriptedCard(atr=bytes.fromhex("3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A"))
UNKNOWN = ScriptedCard(atr=bytes.fromhex("3B 80 80 01 01"), uid=bytes.fromhex("11 22 33 44"))
LOYALTY = ScriptedCard(atr=bytes.fromhex("3B 65 00 00 01 02 03 90 00"), is_contact=True)

HOLD_READER = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
result, card, _ = scard.SCardConnect(
    context, sys.argv[1], scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
)
print(result, flush=True)
sys.stdin.read()
scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
scard.SCardReleaseContext(context)
"""


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[PcscdService, int]]:
    port = free_port_pair()
    with PcscdService(port) as service:
        yield service, port


@pytest.fixture
def port(service: tuple[PcscdService, int]) -> int:
    service[0].start()
    return service[1]


@pytest.fixture(autouse=True)
def more_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"mifare": MIFARE, "unknown": UNKNOWN, "loyalty": LOYALTY}
    monkeypatch.setattr(vpcd, "OTHER_CARDS", {**OTHER_CARDS, **more})


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@contextmanager
def slot(bench: BenchFile, port: int, shown: Shown = Shown.FRAMES) -> Iterator[None]:
    """A slot of the virtual reader that follows the bench."""
    lifeline, held = os.pipe()
    card = VpcdCard(BenchFile(bench.path), SamEmulator(), port, shown)
    thread = threading.Thread(target=card.run, args=(lifeline,))
    thread.start()
    try:
        yield
    finally:
        os.close(held)
        thread.join(LIMIT_S)
        os.close(lifeline)


@contextmanager
def reader_of(open_frames: OpenFrames = RawFrames) -> Iterator[PcscCardReader]:
    reader = PcscCardReader(READER_NAME, POLICY, open_frames)
    await_presence(reader, Presence.EMPTY)
    yield reader
    await_presence(reader, Presence.EMPTY)
    reader.close()


def await_presence(reader: CardReader, wanted: Presence) -> None:
    await_that(lambda: reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is wanted)


def await_that(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def failure(reader: CardReader, timeout_s: float = 2.0) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        reader.read(timeout_s=timeout_s, cancel=CancelToken())
    return raised.value


@pytest.mark.parametrize("shown", [Shown.FRAMES, Shown.PAGES])
def test_other_cards_are_named_and_an_id_card_is_read_after_them(bench: BenchFile, port: int, shown: Shown) -> None:
    open_frames = RawFrames if shown is Shown.FRAMES else StoragePages
    named = {card: OtherCard(card) for card in OTHER_CARDS} | {"mifare": OtherCard.TRANSIT}
    named |= {"unknown": None, "loyalty": None}
    with slot(bench, port, shown), reader_of(open_frames) as reader:
        for card, kind in named.items():
            bench.change(card=card)
            await_presence(reader, Presence.CARD)
            error = failure(reader)
            assert isinstance(error, WrongCardError), card
            assert (error.card, error.code) == (kind, ErrorCode.CARD_WRONG_TYPE)
            assert reader.status.state is DeviceState.READY
            bench.change(card=None)
            await_presence(reader, Presence.EMPTY)
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number
        bench.change(card=None)


@pytest.mark.parametrize("card", OtherCard)
def test_the_reader_in_the_process_names_them_too(bench: BenchFile, card: OtherCard) -> None:
    reader = SimulatedCardReader(bench)
    bench.change(card=card)
    await_presence(reader, Presence.CARD)
    error = failure(reader)
    assert isinstance(error, WrongCardError)
    assert error.card is card
    bench.change(card=None)
    await_presence(reader, Presence.EMPTY)
    bench.change(card="person-a")
    await_presence(reader, Presence.CARD)
    assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number
    reader.close()


@pytest.mark.parametrize("open_frames", [RawFrames, StoragePages])
def test_an_id_card_on_a_reader_without_sam(bench: BenchFile, port: int, open_frames: OpenFrames) -> None:
    with slot(bench, port, Shown.BARE), reader_of(open_frames) as reader:
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        error = failure(reader)
        assert (error.code, error.retryable) == (ErrorCode.CARD_READER_BROKEN, False)
        assert "reader has no SAM" in str(error)
        assert reader.status.state is DeviceState.FAILED
        assert "reader has no SAM" in reader.status.detail
        bench.change(card=None)


def test_a_reader_that_takes_no_control_calls(bench: BenchFile, port: int) -> None:
    with slot(bench, port), reader_of(EscapeFrames) as reader:
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        error = failure(reader)
        assert (error.code, error.retryable) == (ErrorCode.CARD_READER_BROKEN, False)
        assert error.context["scard"] == "SCARD 0x8010001F"
        bench.change(card=None)


def test_a_card_in_another_slot_matters_only_when_nothing_can_be_read(
    bench: BenchFile, port: int, tmp_path: Path
) -> None:
    other_bench = BenchFile(tmp_path / "other.json")
    other_bench.write(BenchState())
    with slot(bench, port), slot(other_bench, port + 1), reader_of() as reader:
        other_bench.change(card="bank")
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number
        bench.change(card=None)
        await_presence(reader, Presence.EMPTY)
        bench.change(card="unreadable")
        await_presence(reader, Presence.CARD)
        await_that(lambda: failure(reader, 1.0).code is ErrorCode.CARDS_SEVERAL)
        other_bench.change(card=None)
        await_that(lambda: failure(reader, 1.0).code is ErrorCode.CARD_UNREADABLE)
        bench.change(card=None)


def test_a_card_that_always_sits_in_another_slot_is_a_sam(bench: BenchFile, port: int, tmp_path: Path) -> None:
    other_bench = BenchFile(tmp_path / "other.json")
    other_bench.write(BenchState(card="bank"))
    with slot(bench, port), slot(other_bench, port + 1):
        probe = PcscCardReader("Virtual PCD 00 01", POLICY)
        await_presence(probe, Presence.CARD)
        probe.close()
        with reader_of() as reader:
            bench.change(card="unreadable")
            await_presence(reader, Presence.CARD)
            assert failure(reader).code is ErrorCode.CARD_UNREADABLE
            bench.change(card=None)


def test_another_program_holds_the_reader(bench: BenchFile, port: int) -> None:
    with slot(bench, port), reader_of() as reader:
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        command = [sys.executable, "-c", HOLD_READER, READER_NAME]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "0\n"
            error = failure(reader)
            assert (error.code, error.retryable) == (ErrorCode.CARD_READER_BROKEN, True)
            assert "in use by another program" in str(error)
            reader.wait(Presence.CARD, timeout_s=0.2, cancel=CancelToken())
            assert reader.status.state is DeviceState.FAILED
            assert reader.status.detail == "in use by another program"
            assert reader.status.code is ErrorCode.CARD_READER_BROKEN
            other.communicate(timeout=LIMIT_S)
        await_that(
            lambda: (
                reader.wait(Presence.CARD, timeout_s=0.1, cancel=CancelToken()) is Presence.CARD
                and reader.status.state is DeviceState.READY
            )
        )
        assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number
        bench.change(card=None)


def test_without_the_pseudo_reader_plugging_is_polled(
    bench: BenchFile, service: tuple[PcscdService, int], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_status_change = scard.SCardGetStatusChange
    looks = 0

    def without_pnp(
        context: int, timeout_ms: int, states: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        nonlocal looks
        looks += 1
        if any("PnP" in name for name, _ in states):
            return 0x80100009, [(name, scard.SCARD_STATE_UNKNOWN, []) for name, _ in states]
        return get_status_change(context, timeout_ms, states)

    monkeypatch.setattr(scard, "SCardGetStatusChange", without_pnp)
    with slot(bench, port):
        reader = PcscCardReader(READER_NAME, POLICY)
        await_presence(reader, Presence.EMPTY)
        bench.change(card="person-a")
        await_presence(reader, Presence.CARD)
        assert reader.read(timeout_s=5.0, cancel=CancelToken()).id_number == PERSON_A.number
        looks = 0
        assert reader.wait(Presence.CARD, timeout_s=1.2, cancel=CancelToken()) is Presence.CARD
        assert looks <= 5
        service[0].stop()
        await_presence(reader, Presence.NO_READER)
        service[0].start()
        await_presence(reader, Presence.CARD)
        bench.change(card=None)
        await_presence(reader, Presence.EMPTY)
        reader.close()


@pytest.mark.usefixtures("port")
def test_without_the_pseudo_reader_and_without_a_reader_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scard, "SCardGetStatusChange", lambda *_: (0x80100009, []))
    lists = 0
    list_readers = scard.SCardListReaders

    def counted(context: int, groups: list[str]) -> tuple[int, list[str]]:
        nonlocal lists
        lists += 1
        return list_readers(context, groups)

    monkeypatch.setattr(scard, "SCardListReaders", counted)
    reader = PcscCardReader("^No such reader", POLICY)
    assert reader.wait(Presence.NO_READER, timeout_s=1.2, cancel=CancelToken()) is Presence.NO_READER
    assert 2 <= lists <= 5
    reader.close()


@pytest.mark.parametrize("hresult", [0x8010006A, 0x80100027])
def test_polkit_refuses_us(monkeypatch: pytest.MonkeyPatch, hresult: int) -> None:
    monkeypatch.setattr(scard, "SCardEstablishContext", lambda _: (hresult, 0))
    reader = PcscCardReader(READER_NAME, POLICY)
    assert reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken()) is Presence.NO_READER
    assert reader.status.state is DeviceState.FAILED
    assert "polkit" in reader.status.detail
    error = failure(reader)
    assert error.code is ErrorCode.READER_ABSENT
    assert "polkit" in str(error)
    reader.close()


def test_a_refusal_that_ends_is_forgotten(bench: BenchFile, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with slot(bench, port), monkeypatch.context() as patch:
        patch.setattr(scard, "SCardEstablishContext", lambda _: (0x8010006A, 0))
        reader = PcscCardReader(READER_NAME, POLICY)
        reader.wait(Presence.NO_READER, timeout_s=0.1, cancel=CancelToken())
        assert reader.status.state is DeviceState.FAILED
        patch.undo()
        await_presence(reader, Presence.EMPTY)
        assert reader.status.state is DeviceState.READY
        reader.close()


def test_loss_and_return_are_logged_once_each(
    service: tuple[PcscdService, int], port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drivers.idcard")
    reader = PcscCardReader(READER_NAME, POLICY)
    await_presence(reader, Presence.EMPTY)
    for _ in range(2):
        service[0].stop()
        for _ in range(3):
            reader.wait(Presence.NO_READER, timeout_s=0.6, cancel=CancelToken())
        service[0].start()
        await_presence(reader, Presence.EMPTY)
    reader.close()
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    assert told == ["card reader found"] + 2 * ["card reader lost", "card reader found"]


def test_a_plain_reader_sees_a_card_and_never_a_record(bench: BenchFile, port: int) -> None:
    with slot(bench, port, Shown.BARE):
        reader = UidOnlyReader(READER_NAME)
        assert reader.status.state is DeviceState.ABSENT
        await_presence(reader, Presence.EMPTY)
        assert reader.look(timeout_s=1.0, cancel=CancelToken()) is None
        for card, uid in (
            ("person-a", BARE_ID_CARD.serial),
            ("bank", OTHER_CARDS["bank"].uid),
            ("social-security", b""),
        ):
            bench.change(card=card)
            await_presence(reader, Presence.CARD)
            seen = reader.look(timeout_s=1.0, cancel=CancelToken())
            assert seen is not None
            assert seen.uid == uid
            assert repr(seen) == "CardSeen()"
            with pytest.raises(DeviceError, match="reader has no SAM") as raised:
                reader.read(timeout_s=1.0, cancel=CancelToken())
            assert (raised.value.code, raised.value.retryable) == (ErrorCode.CARD_READER_BROKEN, False)
            bench.change(card=None)
            await_presence(reader, Presence.EMPTY)
        assert (reader.status.state, reader.status.detail) == (DeviceState.DEGRADED, "reader has no SAM")
        cancel = CancelToken()
        cancel.cancel()
        with pytest.raises(CancelledError):
            reader.read(timeout_s=1.0, cancel=cancel)
        reader.close()
