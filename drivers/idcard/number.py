"""Citizen identification numbers (GB 11643-1999): form and check character."""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS: Final = "10X98765432"


def check_character(first_17: str) -> str:
    """Return the 18th character for 17 digits (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def is_valid(number: str) -> bool:
    """Whether ``number`` has 18 characters of the right form and the right check character."""
    return _FORM.fullmatch(number) is not None and check_character(number[:17]) == number[17]


def birth_digits(number: str) -> str:
    """Return digits 7 to 14 of a valid number: the day of birth as YYYYMMDD."""
    return number[6:14]


def is_male(number: str) -> bool:
    """Whether the sequence code of a valid number is odd, which GB 11643 gives to men."""
    return int(number[16]) % 2 == 1
