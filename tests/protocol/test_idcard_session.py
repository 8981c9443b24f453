"""The session over a scripted reader: which bytes go out, and what each answer leads to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.contracts import Assurance, CancelToken, IdCardRecord
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.reader import ReadPolicy, SdtSession
from drivers.idcard.sdt import Command, encode_command, encode_frame
from drivers.simulated.people import DRILL_CARDS, PERSON_A

POLICY = ReadPolicy(assurance=Assurance.SAM_AUTHENTICATED)
FIND, SELECT, READ = Command.FIND_CARD, Command.SELECT_CARD, Command.READ_BASE


def status(code: int) -> bytes:
    return encode_frame(bytes([0, 0, code]))


FOUND = bytes.fromhex("AAAAAA96690008 00009F00000000 97")
SELECTED = bytes.fromhex("AAAAAA9669000C 0000900000000000000000 9C")
CARD = DRILL_CARDS["person-a"]
DATA = encode_frame(bytes.fromhex("000090 01000400") + CARD.text + CARD.photo())
TO_CARD = [(FIND, FOUND), (SELECT, SELECTED)]


class Script:
    """Answers the expected commands; whatever else is sent fails the test."""

    def __init__(self, exchanges: list[tuple[Command, bytes]]) -> None:
        self.left = list(exchanges)
        self.replies: list[bytearray] = []

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        assert timeout_s > 0
        command, reply = self.left.pop(0)
        assert frame == encode_command(command)
        self.replies.append(bytearray(reply))
        return self.replies[-1]


def read(exchanges: list[tuple[Command, bytes]], timeout_s: float = 20.0) -> IdCardRecord:
    script = Script(exchanges)
    try:
        return SdtSession(script, timeout_s=timeout_s, cancel=CancelToken()).read(POLICY)
    finally:
        assert script.left == [], "not everything expected was sent"
        assert not any(any(reply) for reply in script.replies), "replies are overwritten"


@pytest.mark.parametrize(
    "exchanges",
    [
        [*TO_CARD, (READ, DATA)],
        [(FIND, status(0x80)), *TO_CARD, (READ, DATA)],
        [(FIND, FOUND), (SELECT, status(0x81)), *TO_CARD, (READ, DATA)],
        [(FIND, status(0x47)), *TO_CARD, (READ, DATA)],
        [(FIND, status(0x10)), *TO_CARD, (READ, DATA)],
        [(FIND, b""), *TO_CARD, (READ, DATA)],
        [*TO_CARD, (READ, status(0x11)), (READ, DATA)],
        [*TO_CARD, (READ, DATA[:-1] + b"\x00"), (READ, DATA)],
        [*TO_CARD, (READ, DATA[:700]), (READ, DATA)],
        [*TO_CARD, (READ, status(0x41)), *TO_CARD, (READ, DATA)],
        [*TO_CARD, (READ, status(0x47)), *TO_CARD, (READ, status(0x41)), *TO_CARD, (READ, DATA)],
        [(FIND, encode_frame(bytes.fromhex("12349F"))), (SELECT, status(0x90)), (READ, DATA)],
    ],
)
def test_ways_to_a_record(exchanges: list[tuple[Command, bytes]]) -> None:
    record = read(exchanges)
    assert record.id_number == PERSON_A.number
    assert record.assurance is Assurance.SAM_AUTHENTICATED


@pytest.mark.parametrize(
    ("exchanges", "code", "retryable"),
    [
        ([*TO_CARD, (READ, status(0x31))], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, status(0x32))], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, status(0x33))], ErrorCode.CARD_UNREADABLE, True),
        ([(FIND, FOUND), (SELECT, status(0x31))], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, status(0x40))], ErrorCode.CARD_WRONG_TYPE, True),
        ([(FIND, status(0x40))], ErrorCode.CARD_WRONG_TYPE, True),
        ([(FIND, status(0x60))], ErrorCode.CARD_READER_BROKEN, False),
        ([*TO_CARD, (READ, status(0x66))], ErrorCode.CARD_READER_BROKEN, False),
        ([(FIND, status(0x21))], ErrorCode.CARD_READER_BROKEN, False),
        ([*TO_CARD, (READ, status(0x80))], ErrorCode.CARD_LIFTED, True),
        ([*TO_CARD, (READ, status(0x91))], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, status(0x77))], ErrorCode.CARD_UNREADABLE, True),
        ([(FIND, status(0x10)), (FIND, status(0x10))], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, b""), (READ, b"")], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, b"\x55" * 40), (READ, DATA[:-1])], ErrorCode.CARD_UNREADABLE, True),
        ([*TO_CARD, (READ, status(0x90))], ErrorCode.CARD_UNREADABLE, True),
        (3 * [*TO_CARD, (READ, status(0x41))], ErrorCode.CARD_UNREADABLE, True),
    ],
)
def test_ways_to_an_error(exchanges: list[tuple[Command, bytes]], code: ErrorCode, retryable: bool) -> None:
    with pytest.raises(DeviceError) as raised:
        read(exchanges)
    assert raised.value.code is code
    assert raised.value.retryable is retryable


class Repeating:
    """Gives every command the same answer, and may do something on the way."""

    def __init__(self, answers: dict[Command, bytes], then: Callable[[], None] = lambda: None) -> None:
        self.answers = {encode_command(command): reply for command, reply in answers.items()}
        self.then = then

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        self.then()
        return bytearray(self.answers[frame])


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({FIND: status(0x80)}, ErrorCode.CARD_UNREADABLE),
        ({FIND: FOUND, SELECT: status(0x81)}, ErrorCode.CARD_LIFTED),
    ],
)
def test_a_card_that_is_never_found_ends_with_the_time(answers: dict[Command, bytes], code: ErrorCode) -> None:
    with pytest.raises(DeviceError) as raised:
        SdtSession(Repeating(answers), timeout_s=0.3, cancel=CancelToken()).read(POLICY)
    assert raised.value.code is code


def test_cancel_ends_the_polling() -> None:
    cancel = CancelToken()
    session = SdtSession(Repeating({FIND: status(0x80)}, then=cancel.cancel), timeout_s=60, cancel=cancel)
    with pytest.raises(CancelledError):
        session.read(POLICY)
