"""What may be shown of a name and a number on a screen that others walk past."""

from __future__ import annotations

MASK = "＊"


def mask_name(name: str) -> str:
    """Return the name with everything but its ends hidden: 王＊, 王＊明, 欧＊＊娜."""
    characters = list(name.strip())
    if len(characters) <= 1:
        return MASK if characters else ""
    if len(characters) == 2:
        return characters[0] + MASK
    return characters[0] + MASK * (len(characters) - 2) + characters[-1]


def mask_number(number: str) -> str:
    """Return the first four and last four characters of an ID number with stars between."""
    number = number.strip()
    return f"{number[:4]}****{number[-4:]}" if len(number) >= 12 else "****"
