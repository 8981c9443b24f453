from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.idcard.sdt import (
    Command,
    FrameDecoder,
    FrameError,
    Outcome,
    SamStatus,
    decode_reply,
    encode_command,
    encode_frame,
    split_base,
)

PREAMBLE = bytes.fromhex("AAAAAA9669")


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (Command.SAM_STATUS, "AA AA AA 96 69 00 03 11 FF ED"),
        (Command.SAM_ID, "AA AA AA 96 69 00 03 12 FF EE"),
        (Command.FIND_CARD, "AA AA AA 96 69 00 03 20 01 22"),
        (Command.SELECT_CARD, "AA AA AA 96 69 00 03 20 02 21"),
        (Command.READ_BASE, "AA AA AA 96 69 00 03 30 01 32"),
        (Command.READ_NEWEST_ADDRESS, "AA AA AA 96 69 00 03 30 03 30"),
        (Command.READ_MANAGEMENT_NUMBER, "AA AA AA 96 69 00 03 30 05 36"),
    ],
)
def test_command_frames(command: Command, frame: str) -> None:
    assert encode_command(command) == bytes.fromhex(frame)


@pytest.mark.parametrize(
    ("tail", "status", "outcome"),
    [
        ("00 04 00 00 90 94", SamStatus.SUCCESS, Outcome.DONE),
        ("00 08 00 00 9F 00 00 00 00 97", SamStatus.CARD_FOUND, Outcome.DONE),
        ("00 0C 00 00 90 00 00 00 00 00 00 00 00 9C", SamStatus.SUCCESS, Outcome.DONE),
        ("00 04 00 00 80 84", SamStatus.NO_CARD, Outcome.NOTHING_THERE),
        ("00 04 00 00 81 85", SamStatus.SELECT_FAILED, Outcome.NOTHING_THERE),
        ("00 04 00 00 41 45", SamStatus.READ_FAILED, Outcome.START_AGAIN),
        ("00 04 00 00 47 43", SamStatus.RANDOM_FAILED, Outcome.START_AGAIN),
        ("00 04 00 00 91 95", SamStatus.NO_SUCH_ITEM, Outcome.NO_SUCH_ITEM),
        ("00 04 00 00 10 14", SamStatus.CHECKSUM_ERROR, Outcome.SEND_AGAIN),
        ("00 04 00 00 11 15", SamStatus.LENGTH_ERROR, Outcome.SEND_AGAIN),
        ("00 04 00 00 21 25", SamStatus.COMMAND_ERROR, Outcome.READER_UNFIT),
        ("00 04 00 00 23 27", SamStatus.NO_PRIVILEGE, Outcome.READER_UNFIT),
        ("00 04 00 00 24 20", SamStatus.UNRECOGNISED, Outcome.READER_UNFIT),
        ("00 04 00 00 31 35", SamStatus.CARD_AUTHENTICATION_FAILED, Outcome.CARD_REJECTED),
        ("00 04 00 00 32 36", SamStatus.SAM_AUTHENTICATION_FAILED, Outcome.CARD_REJECTED),
        ("00 04 00 00 33 37", SamStatus.VERIFICATION_FAILED, Outcome.CARD_REJECTED),
        ("00 04 00 00 40 44", SamStatus.UNKNOWN_CARD_TYPE, Outcome.WRONG_CARD),
        ("00 04 00 00 60 64", SamStatus.SELF_TEST_FAILED, Outcome.READER_UNFIT),
        ("00 04 00 00 66 62", SamStatus.NOT_AUTHORISED, Outcome.READER_UNFIT),
        ("00 04 00 00 77 73", 0x77, Outcome.UNEXPECTED),
        ("00 04 12 34 90 B2", SamStatus.SUCCESS, Outcome.DONE),  # only SW3 decides
    ],
)
def test_replies(tail: str, status: int, outcome: Outcome) -> None:
    reply = decode_reply(PREAMBLE + bytes.fromhex(tail))
    assert (reply.status, reply.outcome) == (status, outcome)


def test_base_reply() -> None:
    fields = [
        (0, "张三"),
        (30, "1"),
        (32, "01"),
        (36, "19491231"),
        (52, "北京市朝阳区测试路1号"),
        (122, "11010519491231002X"),
        (158, "测试公安局"),
        (188, "20200101"),
        (204, "长期"),
    ]
    text = bytearray(b"\x20\x00" * 128)
    for offset, value in fields:
        encoded = value.encode("utf-16-le")
        text[offset : offset + len(encoded)] = encoded
    photo = bytes.fromhex("574C66007E003200") + bytes(1016)
    frame = encode_frame(bytes.fromhex("000090 01000400") + text + photo)
    assert (len(frame), frame[-1]) == (1295, 0x35)
    assert hashlib.sha256(frame).hexdigest()[:16] == "164c256845aba307"
    assert split_base(decode_reply(frame).data) == (text, photo)


@pytest.mark.parametrize(
    "data", ["", "010004", "0100 0400", "0001 0000", "0001 0000 20 20", "FFFF FFFF 00", "0000 0001"]
)
def test_lengths_that_do_not_fit(data: str) -> None:
    with pytest.raises(FrameError):
        split_base(bytearray.fromhex(data))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "AA AA AA 96",
        "AA AA AA 96 69 00 04 00 00 90",
        "AA AA AA 96 69 00 04 00 00 90 95",
        "AA AA AA 96 69 00 03 00 00 00",  # LEN too small for a reply
        "AA AA AA 96 69 10 01 00 00 90 94",  # LEN above 4096
        "55 AA 96 69 00 04 00 00 90 94",
    ],
)
def test_what_is_no_reply(raw: str) -> None:
    with pytest.raises(FrameError):
        decode_reply(bytes.fromhex(raw))


def test_garbage_and_impossible_preambles_are_skipped() -> None:
    good = PREAMBLE + bytes.fromhex("0004000090 94")
    for garbage in ("00 FF", "AA", "AA AA AA", "AA AA AA 96", "AA AA AA 96 69 00 00", "AA AA AA 96 69 FF FF"):
        assert decode_reply(bytes.fromhex(garbage) + good).status == SamStatus.SUCCESS


def test_a_damaged_frame_does_not_hide_the_next() -> None:
    good = PREAMBLE + bytes.fromhex("0004000090 94")
    decoder = FrameDecoder()
    with pytest.raises(FrameError):
        decoder.feed(good[:-1] + b"\x00" + good)
    assert decoder.feed(b"") == bytearray.fromhex("000090")


@given(st.lists(st.binary(min_size=3, max_size=60), min_size=1, max_size=4), st.data())
def test_frames_survive_any_portions(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(encode_frame, payloads))
    decoder = FrameDecoder()
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        portion, stream = stream[:size], stream[size:]
        while (payload := decoder.feed(portion)) is not None:
            received.append(bytes(payload))
            portion = b""
    assert received == payloads


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda tail: PREAMBLE + tail))
def test_any_bytes_give_a_reply_or_a_frame_error(raw: bytes) -> None:
    with contextlib.suppress(FrameError):
        split_base(decode_reply(raw).data)


@given(st.binary(min_size=3, max_size=300), st.integers(0), st.integers(1, 255))
def test_one_wrong_byte_is_never_taken(payload: bytes, place: int, change: int) -> None:
    frame = bytearray(encode_frame(payload))
    frame[place % len(frame)] ^= change
    with contextlib.suppress(FrameError):
        assert decode_reply(frame).data != payload[3:]
