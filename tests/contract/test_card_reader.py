"""What every ``CardReader`` promises, over PC/SC with a real service and in the drill's process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.contracts import Assurance, CancelToken, CardReader, DeviceState, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.sdt import SamStatus
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdService, free_port_pair
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.sam import Fault, SamEmulator
from drivers.simulated.vpcd import VpcdCard

LIMIT_S = 20.0


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
            assert time.monotonic() < deadline, f"never {wanted}"
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


@pytest.fixture(scope="module")
def pcscd() -> Iterator[tuple[PcscdService, int]]:
    port = free_port_pair()
    with PcscdService(port) as service:
        yield service, port


def simulated_booth(bench: BenchFile) -> Iterator[Booth]:
    sam = SamEmulator()
    yield Booth(SimulatedCardReader(bench, sam), bench, sam, lambda is_in: bench.change(reader_plugged=is_in))


def pcsc_booth(bench: BenchFile, service: PcscdService, port: int) -> Iterator[Booth]:
    sam = SamEmulator()
    service.start()
    lifeline, held = os.pipe()
    card = threading.Thread(target=VpcdCard(BenchFile(bench.path), sam, port).run, args=(lifeline,))
    card.start()
    reader = PcscCardReader(READER_NAME, Assurance.UNVERIFIED)
    booth = Booth(reader, bench, sam, lambda is_in: service.start() if is_in else service.stop())
    yield booth
    booth.lift()  # or the next test would still see this card
    reader.close()
    os.close(held)
    card.join(LIMIT_S)
    os.close(lifeline)
    assert not card.is_alive()


@pytest.fixture(params=["simulated", pytest.param("pcsc", marks=pytest.mark.xdist_group("pcscd"))])
def booth(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Booth]:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    if request.param == "simulated":
        yield from simulated_booth(bench)
        return
    yield from pcsc_booth(bench, *request.getfixturevalue("pcscd"))
    left = [thread.name for thread in threading.enumerate() if thread.name == "idcard-pcsc-link"]
    deadline = time.monotonic() + LIMIT_S
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [thread.name for thread in threading.enumerate() if thread.name == "idcard-pcsc-link"]
    assert not left, "threads left behind"


def test_a_card_is_placed_read_and_lifted(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    assert booth.state() is DeviceState.READY
    booth.place("person-a")
    record = booth.reader.read(timeout_s=5.0, cancel=CancelToken())
    assert (record.name, record.id_number) == (PERSON_A.name, PERSON_A.number)
    assert record.assurance is Assurance.UNVERIFIED
    booth.lift()


def test_the_next_card_is_another(booth: Booth) -> None:
    for card, person in (("person-a", PERSON_A), ("person-b", PERSON_B), ("person-a", PERSON_A)):
        booth.place(card)
        assert booth.read_number() == person.number
        booth.lift()


def test_wait_comes_back_with_what_is_there(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    assert booth.reader.wait(Presence.EMPTY, timeout_s=0.1, cancel=CancelToken()) is Presence.EMPTY
    assert booth.reader.wait(Presence.CARD, timeout_s=LIMIT_S, cancel=CancelToken()) is Presence.EMPTY


def test_cancel_wakes_wait(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    cancel = CancelToken()
    seen: list[Presence] = []
    waiter = threading.Thread(
        target=lambda: seen.append(booth.reader.wait(Presence.EMPTY, timeout_s=600.0, cancel=cancel))
    )
    waiter.start()
    waiter.join(0.3)
    assert waiter.is_alive()
    cancel.cancel()
    waiter.join(LIMIT_S)
    assert seen == [Presence.EMPTY]
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number


def test_a_cancelled_token_ends_every_call_at_once(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    cancel = CancelToken()
    cancel.cancel()
    assert booth.reader.wait(Presence.EMPTY, timeout_s=600.0, cancel=cancel) is Presence.EMPTY
    booth.place("person-a")
    with pytest.raises(CancelledError):
        booth.reader.read(timeout_s=5.0, cancel=cancel)
    assert booth.read_number() == PERSON_A.number


def test_cancel_ends_a_read_that_gets_no_answer(booth: Booth) -> None:
    booth.sam.inject(Fault.SILENT)
    booth.place("person-a")
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with pytest.raises(CancelledError):
        booth.reader.read(timeout_s=600.0, cancel=cancel)
    timer.join()
    booth.lift()
    booth.place("person-b")
    assert booth.read_number() == PERSON_B.number


def test_the_reader_is_unplugged_and_plugged_in_again(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    booth.plug(False)
    booth.await_presence(Presence.NO_READER)
    assert booth.state() is DeviceState.ABSENT
    assert booth.failure().code is ErrorCode.READER_ABSENT
    booth.plug(True)
    booth.await_presence(Presence.EMPTY)
    assert booth.state() is DeviceState.READY
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number


def test_unplugging_with_a_card_on_it(booth: Booth) -> None:
    booth.place("person-a")
    booth.plug(False)
    assert booth.failure().code is ErrorCode.READER_ABSENT
    booth.await_presence(Presence.NO_READER)
    booth.plug(True)
    booth.await_presence(Presence.CARD)
    assert booth.read_number() == PERSON_A.number


def test_an_empty_reader_has_nothing_to_read(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    assert booth.failure().code is ErrorCode.CARD_LIFTED


def test_a_card_is_read_once_per_placement(booth: Booth) -> None:
    booth.place("person-a")
    booth.read_number()
    assert booth.failure(timeout_s=0.4).code is ErrorCode.CARD_UNREADABLE
    booth.lift()
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number


def test_cards_swapped_between_two_looks(booth: Booth) -> None:
    booth.place("person-a")
    booth.read_number()
    booth.bench.change(card="person-b")
    assert booth.reader.wait(Presence.CARD, timeout_s=LIMIT_S, cancel=CancelToken()) is Presence.EMPTY
    booth.await_presence(Presence.CARD)
    assert booth.read_number() == PERSON_B.number


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("unreadable", ErrorCode.CARD_UNREADABLE),
        ("unknown-type", ErrorCode.CARD_WRONG_TYPE),
        ("bad-check-digit", ErrorCode.CARD_NUMBER_MISMATCH),
    ],
)
def test_bad_cards_and_the_good_card_after_them(booth: Booth, card: str, code: ErrorCode) -> None:
    booth.place(card)
    assert booth.failure().code is code
    booth.lift()
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number


@pytest.mark.parametrize(
    ("fault", "times", "code"),
    [
        (Fault.BAD_XOR, 1, None),
        (Fault.GARBAGE_BEFORE, 2, None),
        (SamStatus.READ_FAILED, 2, None),
        (Fault.BAD_XOR, 2, ErrorCode.CARD_UNREADABLE),
        (Fault.TRUNCATED, 2, ErrorCode.CARD_UNREADABLE),
        (Fault.WRONG_LENGTH, 2, ErrorCode.CARD_UNREADABLE),
        (Fault.ZERO_LENGTH, 2, ErrorCode.CARD_UNREADABLE),
        (Fault.SILENT, 1, ErrorCode.CARD_UNREADABLE),
        (Fault.CUT_IN_MIDDLE, 1, ErrorCode.CARD_LIFTED),
        (SamStatus.UNKNOWN_CARD_TYPE, 1, ErrorCode.CARD_WRONG_TYPE),
        (SamStatus.NOT_AUTHORISED, 1, ErrorCode.CARD_READER_BROKEN),
    ],
)
def test_faults_and_the_good_card_after_them(
    booth: Booth, fault: Fault | SamStatus, times: int, code: ErrorCode | None
) -> None:
    booth.sam.inject(fault, times)
    booth.place("person-a")
    if code is None:
        assert booth.read_number() == PERSON_A.number
    else:
        assert booth.failure(timeout_s=1.5).code is code
    booth.lift()
    booth.place("person-b")
    assert booth.read_number() == PERSON_B.number
    assert booth.state() is DeviceState.READY


def test_close_can_be_repeated(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    booth.reader.close()
    booth.reader.close()
