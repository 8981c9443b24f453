"""What is left of a name and a number for the screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.identity.masking import MASK, mask_name, mask_number


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("   ", ""),
        ("王", "＊"),
        ("王伟", "王＊"),
        ("王小明", "王＊明"),
        ("欧阳娜娜", "欧＊＊娜"),
        (" 王伟 ", "王＊"),
        ("𠮷伟", "𠮷＊"),  # beyond the BMP: two UTF-16 units, one character
        ("王𠮷", "王＊"),
        ("王𬳽𬱖", "王＊𬱖"),
        ("葛\U000e0100伟", "葛\U000e0100＊"),  # a variation selector is part of its character
        ("王葛\U000e0100", "王＊"),
        ("阿卜杜拉·买买提", "阿＊＊＊＊＊＊提"),
        ("娜仁·其其格", "娜＊＊＊＊格"),
        ("买买提•艾力", "买＊＊＊＊力"),
        ("张\U00031350", "张＊"),  # younger than this Python's Unicode
        ("张三\ue815", "张＊\ue815"),  # private use
        ("TEST, SAMPLE ALPHA", "T＊＊＊"),
        ("LI, NA", "L＊＊＊"),
        ("O'BRIEN-SMITH, PAT", "O＊＊＊"),
        ("'T HOOFT, JAN", "T＊＊＊"),
        ("E\u0301MILE, ZOE", "E\u0301＊＊＊"),  # a combining accent belongs to its letter
        ("ÉMILE, ZOÉ", "É＊＊＊"),
        ("ＴＥＳＴ", "Ｔ＊＊＊"),
        ("X", "＊"),
    ],
)
def test_a_name_is_masked_by_characters(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@given(st.text(min_size=1).map(str.strip))
def test_a_masked_name_shows_its_ends_at_most(name: str) -> None:
    def bases(text: str) -> list[str]:
        return [letter for letter in text if not unicodedata.category(letter).startswith("M") and letter != MASK]

    if len(bases(name)) > 1:
        assert MASK in mask_name(name)
        assert len(bases(mask_name(name))) < max(3, len(bases(name)))
        assert len(bases(mask_name(name))) < len(bases(name))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("41150019000312002X", "4115****002X"),
        (" 41150019000312002X ", "4115****002X"),
        ("UTO411500031201", "UTO4****01"),
        ("1234567", "****"),
        ("", "****"),
    ],
)
def test_a_number_shows_its_ends(number: str, shown: str) -> None:
    assert mask_number(number) == shown


@given(st.text(max_size=30))
def test_a_masked_number_hides_most_of_it(number: str) -> None:
    shown = mask_number(number)
    assert "****" in shown
    assert len(shown) <= 12
