from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.idcard import number

# Synthetic numbers whose check characters were computed independently.
VALID = ["11010519491231002X", "810000199001010019", "820000199001010029", "932682198501010017"]


@pytest.mark.parametrize("text", VALID)
def test_known_numbers_are_valid(text: str) -> None:
    assert number.is_valid(text)


@pytest.mark.parametrize(
    "text", ["", "110105194912310021", "11010519491231002x", "01010519491231002X", "１1010519491231002X", "1" * 19]
)
def test_other_texts_are_not(text: str) -> None:
    assert not number.is_valid(text)


@given(st.from_regex(r"[1-9][0-9]{16}", fullmatch=True), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(first_17: str, place: int, shift: int) -> None:
    valid = first_17 + number.check_character(first_17)
    wrong = valid[:place] + str((int(valid[place]) + shift) % 10) + valid[place + 1 :]
    assert number.is_valid(valid)
    assert not number.is_valid(wrong)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert number.is_valid(text) in {True, False}
