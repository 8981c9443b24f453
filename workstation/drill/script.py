"""The scripted good day: an expert's hands and keyboard against the real kiosk, with a picture of each screen."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QGuiApplication

from drivers.simulated.bench import Scene
from workstation.drill.cooperation import Cooperation
from workstation.drill.kiosk import KioskProcess, Line
from workstation.drill.roster import BOOTH_ID
from workstation.drill.stage import Stage

STEP_TIMEOUT_S = 60.0
"""The sound check before a meeting takes a person half of it."""
PAINT_S = 0.6
"""A state is logged when it is entered; the screen needs a moment more before its picture is taken."""


@dataclass(frozen=True)
class Step:
    """One step as it was played."""

    name: str
    seconds: float


class Playwright:
    """Plays steps and notes how long the kiosk took for each: from the hand's action to the state in its log.

    While it waits, the expert does what the kiosk asks of their face, unless ``cooperates`` is off.

    Args:
        screens: folder for the pictures; ``None`` takes none.
        say: told about every step.
    """

    def __init__(self, stage: Stage, kiosk: KioskProcess, screens: Path | None, say: Callable[[str], None]) -> None:
        self.stage, self.kiosk = stage, kiosk
        self._screens, self._say = screens, say
        self.cooperates = True
        self._expert = Cooperation(stage.bench, speak=stage.speak, confirm=self._confirm)
        self._heard = 0
        self._seen = 0
        self._pictures = 0
        self._acted_at = time.monotonic()
        self.steps: list[Step] = []
        if screens is not None:
            screens.mkdir(parents=True, exist_ok=True)

    def until(self, state: str, what: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        """Wait for a state and note how long after the last action it was entered."""
        self._seen = self.kiosk.wait_for_state(state, timeout_s, after=self._seen, meanwhile=self._cooperate)
        step = Step(what, self.kiosk.lines[self._seen - 1]["read_at"] - self._acted_at)
        self.steps.append(step)
        self._say(f"{step.seconds:6.2f} s  {what}")

    def first_of(self, *states: str, timeout_s: float = STEP_TIMEOUT_S) -> str:
        """Wait for one of these states and return it."""

        def is_one(line: Line) -> bool:
            return line.get("event") == "state_entered" and line.get("state") in states

        self._seen = self.kiosk.wait_for(is_one, timeout_s, after=self._seen, meanwhile=self._cooperate)
        return str(self.kiosk.lines[self._seen - 1]["state"])

    def until_recorded(self, kind: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        """Wait until the kiosk has journaled an event of this kind."""
        self._seen = self.kiosk.wait_for(
            lambda line: line.get("event") == "recorded" and line.get("kind") == kind,
            timeout_s,
            after=self._seen,
            meanwhile=self._cooperate,
        )

    def picture(self, name: str, *, after_s: float = PAINT_S) -> None:
        """Take a picture of the whole screen."""
        self.let(after_s)
        self._pictures += 1
        if self._screens is not None:
            shot = QGuiApplication.primaryScreen().grabWindow(0)
            shot.save(str(self._screens / f"{self._pictures}-{name}.png"))

    def let(self, seconds: float) -> None:
        """Let time pass while the services follow the bench."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.stage.follow()
            self._cooperate()
            time.sleep(min(left, 0.05))

    def _cooperate(self) -> None:
        lines = self.kiosk.lines
        for line in lines[self._heard :] if self.cooperates else ():
            self._expert.hear(line)
        self._heard = len(lines)
        self._expert.act()

    def place(self, **things: object) -> None:
        """Change what is on the bench, as hands would."""
        self.stage.bench.change(**things)
        self.stage.follow()
        self._acted_at = time.monotonic()

    def press(self, *keys: str) -> None:
        """Press keys in the focused window, as a hand on the keyboard would."""
        self._acted_at = time.monotonic()
        subprocess.run(["xdotool", "key", *keys], check=True, timeout=10)

    def _confirm(self) -> None:
        self.press("Return")

    def wait_for_event(self, kind: str, timeout_s: float = STEP_TIMEOUT_S) -> None:
        """Wait until the site server has stored an event of this kind.

        Raises:
            TimeoutError: it did not arrive.
        """
        deadline = time.monotonic() + timeout_s
        while not any(event.kind == kind for event in self.stage.administrator.events(BOOTH_ID)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the site server got no {kind} event")
            self.let(0.2)


def good_day(play: Playwright) -> None:
    """From the empty booth to the empty booth: card, face, task, self-check, evaluation, end."""
    play.until("idle", "登录界面 sign-in screen")
    play.let(2.5)
    play.picture("sign-in")
    play.place(scene=Scene.PERSON_A, card="person-a")
    play.until("face-check", "读取身份证 card read")
    play.picture("face", after_s=0.9)
    play.until("task-review", "读卡、人脸核验、到场、名单匹配 card, face, arrival, match")
    play.place(card=None)
    play.picture("task")
    play.press("Return")
    play.until("self-check", "核对任务 task confirmed")
    play.until_recorded("checks_done")
    play.picture("self-check")
    play.press("Return")
    meets = play.first_of("sound-check", "launching") == "sound-check"
    if meets:
        play.picture("sound-check", after_s=2.5)
    play.until("evaluating", "跳转 launch")
    if meets:
        play.until_recorded("conference_joined")
    play.picture("evaluation", after_s=1.5)
    play.press("F10", "Return")
    play.picture("end", after_s=0.8)
    play.press("shift+Tab", "Return")
    play.until("farewell", "结束评标 evaluation ended")
    play.picture("farewell")
    play.until("idle", "回到空闲（含告别页 10 秒） idle again, 10 s of farewell included")
    play.wait_for_event("signed_out")
