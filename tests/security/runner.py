"""Tries one attempt after the other against a browser that shows the hostile page, and writes down what came of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.security.attempts import Attempt
from tests.security.hostile import HostileSite
from tests.security.screen import Window
from tests.security.watch import Ground, Snapshot, compare, look, watch

ARM_TIMEOUT_S = 8.0
PAGE_TIMEOUT_S = 8.0
GOT = "got"
DATAGRAM = "sink: datagram"
_BACK_TIMEOUT_S = 15.0
_SILENCE_S, _SILENCE_TIMEOUT_S = 2.0, 12.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an attempt.

    Attributes:
        escaped: findings that must not be.
        left: findings that the attempt leaves to the operating system or the firewall.
        result: what the script returned.
        page_lives: whether the hostile page still answered afterwards.
    """

    id: str
    escaped: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    result: str = ""
    page_lives: bool = True


class Runner:
    """Runs attempts in the browser on ``ground``.

    Args:
        click_at: a point inside the page, in screen pixels.
        state: returns "" while the browser is where it should be, else what is wrong.
    """

    def __init__(self, ground: Ground, site: HostileSite, click_at: tuple[int, int], state: Callable[[], str]) -> None:
        self._ground, self._site, self._state = ground, site, state
        self._click = ["mousemove", *map(str, click_at), "click", "1"]
        self._number = 0
        self._windows: list[Window] | None = None

    def run(self, attempt: Attempt) -> Outcome:
        """Try it. Never raises for what the browser does."""
        if not self._site.is_listening(PAGE_TIMEOUT_S):
            return Outcome(id=attempt.id, escaped=["page: not there before the attempt"], page_lives=False)
        before = look(self._ground)
        if self._windows is None:
            self._windows = before.windows
        before = replace(before, windows=self._windows)
        findings, result = self._act(attempt, before)
        findings |= compare(self._ground, before)
        if wrong := self._state():
            findings.add(f"state: {wrong}")
        if attempt.may:
            findings -= set(attempt.may)
            self._wait_until_back()
        lives = self._site.is_listening(PAGE_TIMEOUT_S)
        if not lives:
            self._site.forget_jobs()
            findings.add("page: gone")
        elif not self._site.location.startswith(self._site.origin + "/"):
            findings.add("page: at another origin")
        if any(finding.startswith("window: ") for finding in findings):
            lives = False  # what is open covers the page: the next attempt needs a fresh one
        lives = lives and not attempt.ends_visit
        if DATAGRAM in attempt.left:
            self._wait_for_silence()
        left = sorted(findings & set(attempt.left))
        return Outcome(id=attempt.id, escaped=sorted(findings - set(left)), left=left, result=result, page_lives=lives)

    def _act(self, attempt: Attempt, before: Snapshot) -> tuple[set[str], str]:
        """Do it and watch; return findings and what the script returned."""
        self._number += 1
        job_id, script = f"{attempt.id}-{self._number}", attempt.job()
        findings: set[str] = set()
        if script:
            self._site.give(job_id, script, gesture=attempt.gesture, patience_s=attempt.patience_s)
            if attempt.gesture and not self._site.wait_armed(job_id, ARM_TIMEOUT_S):
                findings.add("page: took no job")
        if attempt.gesture or attempt.keys:
            xdotool(*self._click)
        for key in attempt.keys:
            xdotool("key", "--clearmodifiers", key)
        for command in attempt.pointer:
            xdotool(*command.split())
        findings |= watch(self._ground, before, attempt.dwell_s)
        for _ in range(attempt.answers):
            if self._site.wait_result(job_id, 0.4) is not None:
                break
            xdotool("key", "Escape")
        result = self._site.wait_result(job_id, attempt.patience_s + 3.0 if script else 0) or ""
        if script and not result:
            findings.add("page: did not do it")
        if result.startswith(GOT):
            findings.add(f"page: {result}")
        return findings, result

    def _wait_until_back(self) -> None:
        """Wait until the booth has led back to the main site."""
        end = time.monotonic() + _BACK_TIMEOUT_S
        while self._state() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)

    def _wait_for_silence(self) -> None:
        """WebRTC and QUIC repeat themselves for a while: what comes late belongs to this attempt."""
        end = time.monotonic() + _SILENCE_TIMEOUT_S
        while time.monotonic() < end:
            arrivals = self._ground.sink.arrivals
            if not arrivals or time.monotonic() - arrivals[-1].at > _SILENCE_S:
                return
            time.sleep(0.1)


def xdotool(*words: str) -> None:
    """Run one command of it."""
    subprocess.run(["xdotool", *words], check=True, timeout=10, capture_output=True)
