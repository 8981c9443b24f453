"""The scripted good day, three times: how long the kiosk takes for each step, and from the card to the main site."""

from __future__ import annotations

from pathlib import Path

from tests.bench.idle import SETTLE_S, memory_of
from tests.bench.report import Row, show
from workstation.drill.kiosk import KioskProcess
from workstation.drill.script import STEP_TIMEOUT_S, Playwright, good_day
from workstation.drill.stage import Stage

DAYS = 3
DAY_LIMIT_S = 10.0
_STEPS = {
    "idle": "start to idle",
    "face-check": "card placed to card read",
    "task-review": "card placed to task on screen: card, face, arrival, match",
    "self-check": "Enter to self-check",
    "checks_done": "Enter to self-check done",
    "evaluating": "Enter to main site's page loaded",
    "farewell": "Enter to receipt",
}
_CARD_TO_PAGE = ("task-review", "checks_done", "evaluating")
"""Each is counted from the hand's action that starts it, so what the person takes in between is left out."""


class _StopWatch(Playwright):
    """Notes for each state and record how long after the hand's last action it came."""

    seconds: dict[str, float]

    def until(self, state: str, what: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        super().until(state, what, timeout_s)
        self._note(state)

    def until_recorded(self, kind: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        super().until_recorded(kind, timeout_s)
        self._note(kind)

    def _note(self, name: str) -> None:
        read_at = float(self.kiosk.lines[self._seen - 1]["read_at"])
        self.seconds.setdefault(name, read_at - self._acted_at)


def run(directory: Path) -> None:
    """Play the days, each with services and a kiosk of its own."""
    days = [_play(directory / f"day-{number}") for number in range(DAYS)]
    rows = [Row(what=what, samples=[day[step] for day in days], unit="s") for step, what in _STEPS.items()]
    totals = [sum(day[step] for step in _CARD_TO_PAGE) for day in days]
    rows.append(
        Row(what="card to main site's page, person's time excluded", samples=totals, unit="s", limit=DAY_LIMIT_S)
    )
    rows.append(Row(what="idle again after the visit: memory, PSS", samples=[day["pss_mb"] for day in days], unit="MB"))
    rows.append(Row(what="idle again after the visit: memory, RSS", samples=[day["rss_mb"] for day in days], unit="MB"))
    show(f"the good day, {DAYS} times", rows)


def _play(directory: Path) -> dict[str, float]:
    with Stage(directory, fullscreen=True) as stage, KioskProcess(stage.config_file, stage.environment) as kiosk:
        play = _StopWatch(stage, kiosk, None, lambda _line: None)
        play.seconds = {}
        good_day(play)
        play.let(SETTLE_S)
        memory = memory_of(kiosk.pid)
    return play.seconds | {"pss_mb": memory.pss_mb, "rss_mb": memory.rss_mb}
