"""What may be shown of a name and a number on a screen that others walk past."""

from __future__ import annotations

import unicodedata

MASK = "＊"
_CITIZEN_NUMBER_LENGTH = 18


def mask_name(name: str) -> str:
    """Return the name with everything but its ends hidden: 王＊, 王＊明, 欧＊＊娜.

    Of a name in Latin letters, where the family name comes first, the first letter is left, and nothing tells how
    long it is: T＊＊＊.
    """
    characters = _characters(name.strip())
    if len(characters) <= 1:
        return MASK if characters else ""
    first_letter = next((character for character in characters if character[0].isalpha()), "")
    if _is_latin(first_letter):
        return first_letter + MASK * 3
    if len(characters) == 2:
        return characters[0] + MASK
    return characters[0] + MASK * (len(characters) - 2) + characters[-1]


def _is_latin(character: str) -> bool:
    return bool(character) and "LATIN" in unicodedata.name(character[0], "").split()


def _characters(text: str) -> list[str]:
    """Split at what a reader sees as characters: a mark or a variation selector belongs to the one before it."""
    characters: list[str] = []
    for point in text:
        if characters and unicodedata.category(point).startswith("M"):
            characters[-1] += point
        else:
            characters.append(point)
    return characters


def mask_number(number: str) -> str:
    """Return the first four and last four characters of an ID number with stars between.

    Of the 15 characters of older foreigners' cards only the last two: before them stands the day of birth.
    """
    number = number.strip()
    shown = 4 if len(number) >= _CITIZEN_NUMBER_LENGTH else 2
    return f"{number[:4]}****{number[-shown:]}" if len(number) >= 12 else "****"
