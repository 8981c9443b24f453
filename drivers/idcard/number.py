"""Citizen identification numbers (GB 11643-1999): form, region, day of birth and check character.

The permits of HK, Macao and Taiwan residents and, with a 9 before the province, the foreigners' cards of 2023 have
numbers of the same make.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.idcard.codes import calendar_day

_PROVINCE: Final = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])"
_OUTER: Final = r"(?:71|8[1-3])"
"""Taiwan in GB/T 2260; HK, Macao and Taiwan on residence permits. Districts change too often to be checked."""
_FORM: Final = re.compile(rf"(?:(?:{_PROVINCE}|{_OUTER})[0-9]{{4}}|9{_PROVINCE}[0-9]{{3}})[0-9]{{11}}[0-9X]")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS: Final = "10X98765432"


def check_character(first_17: str) -> str:
    """Return the 18th character for 17 digits (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def is_valid(number: str) -> bool:
    """Whether ``number`` has the right form, a plausible region, a day of the calendar and the right check character.

    A day of birth to come is not noticed: there is no clock here.
    """
    return (
        _FORM.fullmatch(number) is not None
        and calendar_day(birth_digits(number)) is not None
        and check_character(number[:17]) == number[17]
    )


def birth_digits(number: str) -> str:
    """Return digits 7 to 14 of 18 characters: the day of birth as YYYYMMDD."""
    return number[6:14]


def is_male(number: str) -> bool:
    """Whether the sequence code of a valid number is odd, which GB 11643 gives to men."""
    return int(number[16]) % 2 == 1
