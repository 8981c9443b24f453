from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.idcard import number

# Numbers of nobody: born in 1900. Their check characters were computed by ISO 7064's recursion.
VALID = [
    "41150019000312002X",
    "810000190003120026",
    "820000190003120036",
    "830000190003120046",
    "941900190003120025",
]


def completed(first_17: str) -> str:
    return first_17 + number.check_character(first_17)


@pytest.mark.parametrize("text", VALID)
def test_known_numbers_are_valid(text: str) -> None:
    assert number.is_valid(text)


@pytest.mark.parametrize(
    "text",
    ["", "411500190003120021", "41150019000312002x", "01150019000312002X", "4１150019000312002X", "1" * 19, "X" * 18],
)
def test_other_texts_are_not(text: str) -> None:
    assert not number.is_valid(text)


@pytest.mark.parametrize("region", ["100000", "161500", "991500", "700000", "840000", "900156", "966156", "000000"])
def test_regions_that_do_not_exist(region: str) -> None:
    assert not number.is_valid(completed(f"{region}19000312002"))


@pytest.mark.parametrize("region", ["110101", "659001", "710000", "810000", "830000", "911156", "965900"])
def test_regions_that_do(region: str) -> None:
    assert number.is_valid(completed(f"{region}19000312002"))


@pytest.mark.parametrize("day", ["19000229", "19001301", "19000100", "00000101", "19000431"])
def test_days_that_no_calendar_has(day: str) -> None:
    assert not number.is_valid(completed(f"411500{day}002"))


def test_a_day_to_come_is_not_noticed() -> None:
    assert number.is_valid(completed("41150099991231002"))


@given(
    st.sampled_from(["411500", "810000", "941900"]),
    st.dates().map(lambda day: day.isoformat().replace("-", "")),
    st.from_regex(r"[0-9]{3}", fullmatch=True),
    st.integers(0, 16),
    st.integers(1, 9),
)
def test_one_wrong_digit_is_always_noticed(region: str, day: str, sequence: str, place: int, shift: int) -> None:
    valid = completed(region + day + sequence)
    wrong = valid[:place] + str((int(valid[place]) + shift) % 10) + valid[place + 1 :]
    assert number.is_valid(valid)
    assert number.birth_digits(valid) == day
    assert number.is_male(valid) == (sequence[-1] in "13579")
    assert not number.is_valid(wrong)


@given(st.from_regex(r"[0-9]{17}", fullmatch=True))
def test_the_check_character_is_the_one_of_iso_7064(first_17: str) -> None:
    remainder = 0
    for digit in first_17:
        remainder = (remainder + int(digit)) * 2 % 11
    check = number.check_character(first_17)
    assert (remainder + (10 if check == "X" else int(check))) % 11 == 1


@given(st.text() | st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True))
def test_any_text_gets_an_answer(text: str) -> None:
    assert number.is_valid(text) in {True, False}
