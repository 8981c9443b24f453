"""What may be shown of a name and a number on a screen that others walk past."""

from __future__ import annotations

import unicodedata

MASK = "＊"


def mask_name(name: str) -> str:
    """Return the name with everything but its ends hidden: 王＊, 王＊明, 欧＊＊娜."""
    characters = _characters(name.strip())
    if len(characters) <= 1:
        return MASK if characters else ""
    if len(characters) == 2:
        return characters[0] + MASK
    return characters[0] + MASK * (len(characters) - 2) + characters[-1]


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
    """Return the first four and last four characters of an ID number with stars between."""
    number = number.strip()
    return f"{number[:4]}****{number[-4:]}" if len(number) >= 12 else "****"
