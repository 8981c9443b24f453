"""The script that the day of sixty is judged by must itself be right, and the judge must find what is wrong."""

from __future__ import annotations

import pytest

from tests.bench.sixty_script import Cut, Expected, Off, Script, expected, make_script, union_s
from workstation.site.outages import OutageKind

MAINS = OutageKind.MAINS


def script(*cuts: Cut, offs: tuple[Off, ...] = ()) -> Script:
    return Script(10_000, 1, cuts, offs, ())


def test_flaps_are_one_and_what_is_apart_is_not() -> None:
    cuts = (Cut(0, MAINS, 10, 20), Cut(0, MAINS, 25, 30), Cut(0, MAINS, 36, 40))
    assert [(wanted.begin, wanted.end, wanted.times) for wanted in expected(script(*cuts))] == [
        (10, 30, 2),
        (36, 40, 1),
    ]


def test_what_a_booth_that_is_off_cannot_see() -> None:
    offs = (Off(0, 50, 70, is_power_cut=True), Off(0, 150, 170, is_power_cut=False))
    [wanted] = expected(script(Cut(0, MAINS, 60, 160), offs=offs))
    assert wanted == Expected(0, MAINS, 70, 170, 1, interrupted=True, true_s=100, is_seen=False)


def test_the_union() -> None:
    assert union_s([(0, 10), (5, 15), (20, 21)]) == 16


@pytest.mark.parametrize("seed", range(20))
def test_a_script_has_no_edge_near_a_kill_but_those_written_down(seed: int) -> None:
    made = make_script(booths=60, length=9000, seed=seed, kills=60)
    near = [
        (off.booth, off.begin)
        for off in made.offs
        for cut in made.cuts
        if cut.booth == off.booth and any(off.begin - 7 <= edge <= off.end + 7 for edge in (cut.begin, cut.end))
    ]
    assert near == [(4, 2000)]
