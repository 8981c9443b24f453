"""Which security module (SAM) answers, and whether this booth accepts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SAM_ID_LENGTH: Final = 16


@dataclass(frozen=True, kw_only=True)
class SamIdentity:
    """A SAM's own number. It can be copied, so it accuses a wrong reader but never proves a right one.

    Attributes:
        raw: 16 bytes as the SAM sends them.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != SAM_ID_LENGTH:
            raise ValueError("a SAM id has 16 bytes")

    def __str__(self) -> str:
        """Return the number as printed on the reader: ``05.03-20231128-0001234567-0987654321``.

        Two numbers of two bytes and three of four, little-endian (GA/T 467-2019 ch. 7, read command 12 FF).
        """
        kind, version = (int.from_bytes(self.raw[start : start + 2], "little") for start in (0, 2))
        made_on, lot, serial = (int.from_bytes(self.raw[start : start + 4], "little") for start in (4, 8, 12))
        return f"{kind:02d}.{version:02d}-{made_on:08d}-{lot:010d}-{serial:010d}"
