"""The script of a day: what goes away where and when, and what a booth can know of it. Pure; seconds of the day."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workstation.health.outages import SETTLE_S
from workstation.site.outages import OutageKind

BOOTHS_IN_ROOM = 10
_ALL_RUN_S = 400
"""When every booth has been started, seconds of the day."""

KINDS = (OutageKind.MAINS, OutageKind.MAIN_SITE, OutageKind.SITE_SERVER, OutageKind.CONFERENCE)


@dataclass(frozen=True, order=True)
class Cut:
    """Something is away at a booth from ``begin`` to ``end``."""

    booth: int
    outage: OutageKind
    begin: int
    end: int


@dataclass(frozen=True, order=True)
class Off:
    """The booth's program is killed at ``begin`` and starts again at ``end``; after a power cut on a new clock."""

    booth: int
    begin: int
    end: int
    is_power_cut: bool


@dataclass(frozen=True)
class Script:
    """A day.

    Attributes:
        server_away: when the site server really is stopped; each booth has a cut for it as well.
    """

    length: int
    booths: int
    cuts: tuple[Cut, ...]
    offs: tuple[Off, ...]
    server_away: tuple[tuple[int, int], ...]


@dataclass(frozen=True, order=True)
class Expected:
    """An outage as the ledger must have it.

    Attributes:
        begin, end: as the booth can have seen them: not while it was off.
        true_s: how long it really was, flaps included.
        is_seen: whether the booth saw begin and end when they were.
    """

    booth: int
    outage: OutageKind
    begin: int
    end: int
    times: int
    interrupted: bool
    true_s: int
    is_seen: bool


def make_script(*, booths: int, length: int, seed: int, kills: int, cuts_per_booth: int = 3) -> Script:
    """Return a day with what must occur in one, and seeded random outages and kills beside it.

    Args:
        booths: at least 20.
        length: seconds of the day, at least two hours.
    """
    choose = random.Random(seed)
    away = ((length // 2, length // 2 + 1800), (length - 1500, length - 1400))
    cuts = [Cut(booth, OutageKind.SITE_SERVER, *span) for booth in range(booths) for span in away]
    cuts += [Cut(booth, OutageKind.MAINS, 1000, 1000 + 1080 + booth) for booth in range(BOOTHS_IN_ROOM)]
    cuts += [Cut(booth, OutageKind.MAIN_SITE, 3000, 5400) for booth in range(booths)]
    cuts += [Cut(booth, OutageKind.SITE_SERVER, 3600, 3660) for booth in range(5)]  # E-503 within it
    cuts += [Cut(11, OutageKind.CONFERENCE, begin, begin + 20) for begin in (1200, 1223, 1246)]  # flaps: one, thrice
    offs = [
        Off(3, 1500, 1520, is_power_cut=False),  # in the middle of the power cut, and back in it
        Off(4, 2000, 2300, is_power_cut=True),  # and here the power comes back while the booth is off
        Off(15, 600, 3000 - 300, is_power_cut=True),  # long enough for the server to miss it
    ]
    for booth in range(booths):
        for _ in range(cuts_per_booth):
            begin = choose.randrange(_ALL_RUN_S, length - 3000)
            cut = Cut(booth, choose.choice(KINDS), begin, begin + choose.choice((6, 20, 61, 300, 900, 2400)))
            if _has_room(cut, cuts) and not any(_touch(cut, off) for off in offs):
                cuts.append(cut)
    for _ in range(kills):
        begin = choose.randrange(_ALL_RUN_S, length - 2000)
        is_power_cut = choose.random() < 0.5
        off = Off(choose.randrange(booths), begin, begin + choose.choice((1, 5, 30, 120)), is_power_cut)
        if all(other.booth != off.booth or _apart(off, other) for other in offs) and not any(
            _touch(cut, off) for cut in cuts
        ):
            offs.append(off)
    return Script(length, booths, tuple(sorted(cuts)), tuple(sorted(offs)), away)


def expected(script: Script) -> list[Expected]:
    """Return every outage that a booth must have told."""
    found = []
    for booth in range(script.booths):
        offs = [off for off in script.offs if off.booth == booth]
        for outage in KINDS:
            cuts = [cut for cut in script.cuts if (cut.booth, cut.outage) == (booth, outage)]
            found += [_expected(flaps, offs) for flaps in _flaps(cuts)]
    return sorted(found)


def union_s(spans: Iterable[tuple[int, int]]) -> int:
    """Return how many seconds are in at least one of the spans."""
    return len({second for begin, end in spans for second in range(begin, end)})


def _flaps(cuts: Sequence[Cut]) -> list[list[Cut]]:
    groups: list[list[Cut]] = []
    for cut in sorted(cuts):
        if groups and cut.begin - groups[-1][-1].end <= SETTLE_S:
            groups[-1].append(cut)
        else:
            groups.append([cut])
    return groups


def _expected(flaps: Sequence[Cut], offs: Sequence[Off]) -> Expected:
    first, last = flaps[0], flaps[-1]
    begin = next((off.end for off in offs if off.begin <= first.begin < off.end), first.begin)
    end = next((off.end for off in offs if off.begin <= last.end < off.end), last.end)
    return Expected(
        booth=first.booth,
        outage=first.outage,
        begin=begin,
        end=end,
        times=len(flaps),
        interrupted=any(begin < off.begin < end for off in offs),
        true_s=last.end - first.begin,
        is_seen=(begin, end) == (first.begin, last.end),
    )


def _has_room(cut: Cut, others: Iterable[Cut]) -> bool:
    """Whether it stands apart from the others of its kind: what is nearer than a few seconds is a flap."""
    return not any(
        (other.booth, other.outage) == (cut.booth, cut.outage)
        and cut.begin < other.end + 40
        and other.begin < cut.end + 40
        for other in others
    )


def _touch(cut: Cut, off: Off) -> bool:
    """Whether the booth would be off near an edge: only the three written down above are."""
    return cut.booth == off.booth and any(off.begin - 20 <= edge <= off.end + 20 for edge in (cut.begin, cut.end))


def _apart(off: Off, other: Off) -> bool:
    return off.end + 60 < other.begin or other.end + 60 < off.begin
