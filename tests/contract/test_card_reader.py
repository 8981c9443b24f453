"""What every ``CardReader`` promises, over every way to one (``conftest.py``)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from drivers.contracts import Assurance, CancelToken, DeviceState, Presence
from drivers.errors import CancelledError, ErrorCode
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.sdt import Command, SamStatus
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.sam import SAM_ID, Fault

if TYPE_CHECKING:
    from tests.contract.conftest import Booth

LIMIT_S = 20.0
OTHER_SAM = "05.03-20231128-0000000000-0000000000"


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


@pytest.mark.parametrize(
    ("status", "times", "command", "code"),
    [
        (SamStatus.NO_CARD, 5, Command.FIND_CARD, None),
        (SamStatus.NO_CARD, 1000, Command.FIND_CARD, ErrorCode.CARD_UNREADABLE),
        (SamStatus.SELECT_FAILED, 2, Command.SELECT_CARD, None),
        (SamStatus.SELECT_FAILED, 1000, Command.SELECT_CARD, ErrorCode.CARDS_SEVERAL),
        (SamStatus.READ_FAILED, 1000, Command.READ_BASE, ErrorCode.CARD_UNREADABLE),
    ],
)
def test_storms_of_a_status_and_the_good_card_after_them(
    booth: Booth, status: SamStatus, times: int, command: Command, code: ErrorCode | None
) -> None:
    booth.place("person-a")
    booth.sam.inject(status, times, command=command)
    if code is None:
        assert booth.read_number() == PERSON_A.number
    else:
        assert booth.failure(timeout_s=2.0).code is code
    booth.lift()
    booth.place("person-b")
    assert booth.read_number() == PERSON_B.number
    assert booth.state() is DeviceState.READY


def test_a_reply_in_small_pieces_is_put_together(booth: Booth) -> None:
    booth.sam.inject(Fault.DRIBBLE)
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number


@pytest.mark.parametrize("fault", [Fault.DRIBBLE, Fault.SILENT])
def test_unplugging_in_the_middle_of_a_reply(booth: Booth, fault: Fault) -> None:
    booth.sam.inject(fault)
    booth.place("person-a")
    unplug = threading.Timer(0.2, booth.plug, [False])
    unplug.start()
    assert booth.failure().code is ErrorCode.READER_ABSENT
    unplug.join()
    booth.await_presence(Presence.NO_READER)
    booth.plug(True)
    booth.await_presence(Presence.CARD)
    assert booth.read_number() == PERSON_A.number


@pytest.mark.parametrize(
    "policy", [ReadPolicy(assurance=Assurance.UNVERIFIED, sam_ids=frozenset({OTHER_SAM, str(SAM_ID)}))]
)
def test_a_sam_on_the_list_is_accepted_and_told(booth: Booth) -> None:
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number
    assert booth.reader.status.serial == str(SAM_ID)
    assert booth.state() is DeviceState.READY


@pytest.mark.parametrize("policy", [ReadPolicy(assurance=Assurance.UNVERIFIED, sam_ids=frozenset({OTHER_SAM}))])
def test_a_sam_that_is_not_on_the_list_is_refused(booth: Booth) -> None:
    for _ in range(2):
        booth.place("person-a")
        error = booth.failure()
        assert (error.code, error.retryable) == (ErrorCode.SAM_NOT_ALLOWED, False)
        assert booth.reader.status.serial == str(SAM_ID)
        assert booth.state() is DeviceState.FAILED
        booth.lift()


@pytest.mark.parametrize("fault", [SamStatus.COMMAND_ERROR, SamStatus.NO_PRIVILEGE])
def test_a_sam_that_does_not_tell_who_it_is(booth: Booth, fault: SamStatus) -> None:
    booth.sam.inject(fault, 1000, command=Command.SAM_ID)
    booth.place("person-a")
    assert booth.read_number() == PERSON_A.number
    assert booth.reader.status.serial == ""


def test_close_can_be_repeated(booth: Booth) -> None:
    booth.await_presence(Presence.EMPTY)
    booth.reader.close()
    booth.reader.close()
