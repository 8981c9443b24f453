"""The pure half of the NUT client: RFC 9271 lines and words, and what they say about a UPS."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import UpsFlag
from drivers.ups.protocol import (
    MAX_LINE_BYTES,
    MAX_LINES,
    AnswerList,
    LineSplitter,
    NutProtocolError,
    NutServerError,
    check_ok,
    quote,
    reading_from_variables,
    split_words,
)

PRINTABLE = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=40)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", ()),
        (b'VAR booth ups.status "OL CHRG"', ("VAR", "booth", "ups.status", "OL CHRG")),
        (rb'VAR booth ups.model "X \"y\" \\ z"', ("VAR", "booth", "ups.model", r'X "y" \ z')),
        (b'VAR booth ups.serial ""', ("VAR", "booth", "ups.serial", "")),
        (b"  OK \t STARTTLS  ", ("OK", "STARTTLS")),
        (b'"\xff"', ("�",)),
    ],
)
def test_words_of_a_line(line: bytes, words: tuple[str, ...]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize("line", [b'"open', b'a"b', b'"a"b', b"back\\slash", b'VAR "x\\'])
def test_bad_quoting_is_refused(line: bytes) -> None:
    with pytest.raises(NutProtocolError):
        split_words(line)


@given(st.lists(PRINTABLE, max_size=6))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert split_words(" ".join(quote(word) if word else '""' for word in words).encode()) == tuple(words)


@pytest.mark.parametrize("word", ["a\nFSD booth", "a\r", "a\0", "\x7f"])
def test_control_characters_cannot_be_sent(word: str) -> None:
    with pytest.raises(ValueError, match="control"):
        quote(word)


@given(st.binary(max_size=200))
def test_any_line_gives_words_or_a_typed_error(line: bytes) -> None:
    with suppress(NutProtocolError):
        split_words(line)


@given(
    st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line and b"\r" not in line), max_size=8), st.data()
)
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter, seen = LineSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        splitter.feed(stream[:size])
        stream = stream[size:]
        while (line := splitter.pop()) is not None:
            seen.append(line)
    assert seen == lines
    assert splitter.is_empty


def test_a_line_that_does_not_end_is_refused() -> None:
    splitter = LineSplitter()
    splitter.feed(b"x" * MAX_LINE_BYTES)
    assert splitter.pop() is None
    splitter.feed(b"x")
    with pytest.raises(NutProtocolError, match="line too long"):
        splitter.pop()


def test_a_variable_list_is_collected() -> None:
    answer = AnswerList("VAR", "booth")
    assert not answer.feed(["BEGIN", "LIST", "VAR", "booth"])
    assert not answer.feed(["VAR", "booth", "ups.status", "OL"])
    assert answer.feed(["END", "LIST", "VAR", "booth"])
    assert answer.entries == {"ups.status": "OL"}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["VAR", "booth", "ups.status", "OL"],
        ["END", "LIST", "VAR", "booth"],
        ["BEGIN", "LIST", "VAR", "other"],
        ["OK"],
    ],
)
def test_a_line_out_of_place_is_refused(words: list[str]) -> None:
    with pytest.raises(NutProtocolError):
        AnswerList("VAR", "booth").feed(words)


def test_a_list_without_end_is_refused() -> None:
    answer = AnswerList("VAR", "booth")
    answer.feed(["BEGIN", "LIST", "VAR", "booth"])
    with pytest.raises(NutProtocolError, match="list too long"):  # noqa: PT012 - which line is refused is the point
        for _ in range(MAX_LINES):
            answer.feed(["VAR", "booth", "ups.status", "OL"])


@pytest.mark.parametrize(
    ("words", "token"),
    [(["ERR", "DATA-STALE"], "DATA-STALE"), (["ERR"], "ERR"), (["ERR", "secret words\x1b[31m"], "ERR")],
)
def test_err_keeps_a_clean_token(words: list[str], token: str) -> None:
    with pytest.raises(NutServerError) as caught:
        check_ok(words)
    assert caught.value.token == token


@given(st.lists(st.lists(st.sampled_from(["BEGIN", "END", "LIST", "VAR", "ERR", "OK", "booth", "x", ""]), max_size=5)))
def test_any_answer_ends_in_variables_or_a_typed_error(lines: list[list[str]]) -> None:
    answer = AnswerList("VAR", "booth")
    with suppress(NutProtocolError, NutServerError):
        for words in lines:
            if answer.feed(words):
                break


def test_a_full_reading() -> None:
    reading = reading_from_variables(
        {
            "ups.status": "OB DISCHRG LB",
            "battery.charge": "41.5",
            "battery.runtime": "900",
            "ups.load": "112",
            "input.voltage": "0.0",
            "ups.model": "C3KS ",
        }
    )
    assert reading.flags == UpsFlag.OB | UpsFlag.DISCHRG | UpsFlag.LB
    assert (reading.battery_charge_percent, reading.runtime_s) == (41.5, 900)
    assert (reading.load_percent, reading.input_voltage_v) == (112, 0)
    assert reading.model == "C3KS"
    assert reading.on_battery
    assert reading.battery_low


@pytest.mark.parametrize("status", ["", "WAIT", "   ", "ol", "OLD"])
def test_a_status_without_a_known_token_is_not_guessed(status: str) -> None:
    reading = reading_from_variables({"ups.status": status})
    assert reading.flags is None
    assert reading.detail.startswith("ups.status ")


def test_unknown_tokens_beside_known_ones_are_ignored() -> None:
    assert reading_from_variables({"ups.status": "OL ECO"}).flags == UpsFlag.OL


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e999", "", "12 min", "100.1", "٥", "1_0", "9" * 400])
def test_a_figure_that_is_none_is_left_out(text: str) -> None:
    assert reading_from_variables({"ups.status": "OL", "battery.charge": text}).battery_charge_percent is None


def test_zero_runtime_counts_only_on_battery() -> None:
    assert reading_from_variables({"ups.status": "OL", "battery.runtime": "0"}).runtime_s is None
    assert reading_from_variables({"ups.status": "OB", "battery.runtime": "0"}).runtime_s == 0


@given(
    st.dictionaries(
        st.sampled_from(["ups.status", "battery.charge", "battery.runtime", "ups.load", "input.voltage", "ups.model"]),
        st.text(max_size=30),
    )
)
def test_any_variables_give_a_printable_reading_in_range(variables: dict[str, str]) -> None:
    reading = reading_from_variables(variables)
    assert reading.model.isprintable()
    assert reading.detail.isprintable()
    assert (reading.flags is None) == bool(reading.detail)
    assert reading.battery_charge_percent is None or 0 <= reading.battery_charge_percent <= 100
    assert reading.runtime_s is None or reading.runtime_s >= 0
