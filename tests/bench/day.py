"""The scripted good day, three times: how long each step takes, and what the kiosk holds; Chromium beside it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench import screen, start
from tests.bench.browser import RATIO_LIMIT
from tests.bench.browser import SETTLE_S as PAGE_SETTLE_S
from tests.bench.idle import MEMORY_LIMIT_MB, SETTLE_S, memory_of
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
    """Notes for each state and record how long after the hand's last action it came, and what the open page takes."""

    figures: dict[str, float]

    def until(self, state: str, what: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        if state == "evaluating":
            self.figures["painted"] = screen.wait_until_main_site(timeout_s) - self._acted_at
        super().until(state, what, timeout_s)
        self._note(state)

    def until_recorded(self, kind: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        super().until_recorded(kind, timeout_s)
        self._note(kind)

    def picture(self, name: str, *, after_s: float = 0.6) -> None:
        super().picture(name, after_s=after_s)
        if name == "evaluation":
            self.let(PAGE_SETTLE_S)
            self.weigh("page", self.kiosk.pid)

    def weigh(self, name: str, pid: int) -> None:
        """Note what the process tree holds."""
        memory = memory_of(pid)
        self.figures |= {f"{name} pss": memory.pss_mb, f"{name} rss": memory.rss_mb, f"{name} n": memory.processes}

    def settle_afresh(self) -> None:
        """Wait until the program that took the place of the expert's one waits for the next expert."""
        afresh = self.kiosk.wait_for(lambda line: line.get("event") == "started_afresh", STEP_TIMEOUT_S)
        self.kiosk.wait_for_state("idle", STEP_TIMEOUT_S, after=afresh)
        self.let(SETTLE_S)

    def _note(self, name: str) -> None:
        read_at = float(self.kiosk.lines[self._seen - 1]["read_at"])
        self.figures.setdefault(name, read_at - self._acted_at)


def run(directory: Path) -> None:
    """Play the days, each with services and a kiosk of its own."""
    days = [_play(directory / f"day-{number}") for number in range(DAYS)]
    rows = [Row(what=what, samples=[day[step] for day in days], unit="s") for step, what in _STEPS.items()]
    totals = [sum(day[step] for step in _CARD_TO_PAGE) for day in days]
    rows.append(
        Row(what="card to main site's page, person's time excluded", samples=totals, unit="s", limit=DAY_LIMIT_S)
    )
    rows.extend(_memory_rows("kiosk, idle again after the visit", "after", days, limit=MEMORY_LIMIT_MB))
    show(f"the good day, {DAYS} times", rows)
    show_pages(days)


def show_pages(days: list[dict[str, float]]) -> None:
    """Print how the kiosk with its prepared engine compares with a cold Chromium on the same main site."""
    ours = [
        Row(what="kiosk: Enter to main site's page painted", samples=[day["painted"] for day in days], unit="s"),
        *_memory_rows("kiosk, page open", "page", days),
    ]
    peer = [
        Row(what="chromium: page painted, from exec", samples=[day["chromium painted"] for day in days], unit="s"),
        *_memory_rows("chromium, page open", "chromium", days),
    ]
    ratios = [
        Row(what=f"kiosk / chromium: {what}", samples=[our.median / their.median], unit="x", limit=RATIO_LIMIT)
        for what, our, their in zip(("page painted", "memory, PSS", "memory, RSS"), ours, peer, strict=False)
    ]
    show("the demo main site: whole kiosk, engine prepared, and chromium, cold (its login page)", ours + peer + ratios)


def _memory_rows(who: str, name: str, days: list[dict[str, float]], limit: float | None = None) -> list[Row]:
    return [
        Row(what=f"{who}: memory, PSS", samples=[day[f"{name} pss"] for day in days], unit="MB"),
        Row(what=f"{who}: memory, RSS", samples=[day[f"{name} rss"] for day in days], unit="MB", limit=limit),
        Row(what=f"{who}: processes", samples=[day[f"{name} n"] for day in days], unit=""),
    ]


def _play(directory: Path) -> dict[str, float]:
    with Stage(directory, fullscreen=True) as stage:
        with KioskProcess(stage.config_file, stage.environment) as kiosk:
            play = _StopWatch(stage, kiosk, None, lambda _line: None)
            play.figures = {}
            good_day(play)
            play.settle_afresh()
            play.weigh("after", kiosk.pid)
        address = f"http://127.0.0.1:{stage.main_site_link.port}/login"
        for _ in range(2):  # the first one warms the disk cache
            _chromium(play, address)
    return play.figures


def _chromium(play: _StopWatch, address: str) -> None:
    screen.wait_until_no_main_site()
    with tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as home:
        started = time.monotonic()
        with start.chromium(Path(home), address) as pid:
            play.figures["chromium painted"] = screen.wait_until_main_site() - started
            time.sleep(PAGE_SETTLE_S)
            play.weigh("chromium", pid)
