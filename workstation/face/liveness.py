"""Active presentation attack detection (ISO/IEC 30107-1): actions asked for in a random order, followed in time.

Stops prints, bent or turned pictures, and films that do other actions than those drawn now. Does not stop a
film that is steered, a mask, or pictures fed in below the camera driver. Not tested by a laboratory; docs/face-pad.md.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from workstation.face.contract import Landmarks
from workstation.face.look import Look
from workstation.face.relief import relief


class Action(StrEnum):
    """What a person can be asked to do; left and right are the person's own."""

    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    BLINK = "blink"
    OPEN_MOUTH = "open-mouth"


TURNS = {Action.TURN_LEFT: 1, Action.TURN_RIGHT: -1}
"""Sign of the yaw that answers."""


class Verdict(StrEnum):
    """How a challenge ended. The reasons are for the record, never for the person (domain: E-204)."""

    PASSED = "passed"
    NOT_ANSWERED = "not-answered"
    WRONG_ACTION = "wrong-action"
    FLAT = "flat"


@dataclass(frozen=True, kw_only=True)
class ChallengePolicy:
    """What is asked for, and what counts as an answer.

    Attributes:
        actions: those a site allows; none switches the challenge off.
        count: how many are drawn. One of them is a turn where turns are allowed: only a turn shows relief.
        challenges: how many may be failed before it is over.
        calm_frames: frames in the resting pose before anything is asked; they are what the answer is compared with.
        pause_s: shortest and longest time between rest and prompt, drawn anew each time.
        answer_s: longest time for one answer.
        reaction_s: what begins earlier after the prompt was not meant as its answer; people need 0.2 s.
        peak_frames: so many frames must show the action; one alone may be a slip of a network.
        turn_deg: yaw that is a turn; from ``rest_deg`` on a frame tells about relief.
        sure_frames: so many frames in a row of something else than what was asked for are surely meant.
        unasked: so many turns or wide open mouths that nobody asked for are overlooked; a film goes on acting.
        mouth_rise: by how much the mouth opens; a smile with teeth is 0.1 open already, a word changes it by 0.1.
        wide_rise: so much, while looking ahead, is more than a word.
        eyes_closed, eyes_open: openness of both eyes.
        shut_frames: a resting person whose eyes never open in so many frames is not asked to blink.
        min_relief: slope of relief over the sine of the turn: 1 for the generic head, 0 for anything flat.
    """

    actions: tuple[Action, ...] = tuple(Action)
    count: int = 3
    challenges: int = 2
    calm_frames: int = 4
    pause_s: tuple[float, float] = (0.3, 0.9)
    answer_s: float = 6.0
    reaction_s: float = 0.1
    peak_frames: int = 2
    sure_frames: int = 4
    unasked: int = 1
    turn_deg: float = 15.0
    rest_deg: float = 7.0
    mouth_rise: float = 0.15
    wide_rise: float = 0.18
    eyes_closed: float = 0.35
    eyes_open: float = 0.6
    shut_frames: int = 20
    min_relief: float = 0.5


def draw_actions(
    policy: ChallengePolicy, choose: random.Random | None = None, *, failed: int = 0
) -> tuple[Action, ...]:
    """Return the actions of one challenge in their random order; empty when the site allows none.

    Each challenge that ``failed`` makes the next one longer by an action: a film that acts at random gets no second
    chance as good as the first.
    """
    choose = choose or secrets.SystemRandom()
    count = min(policy.count + failed, len(policy.actions))
    while True:
        drawn = tuple(choose.sample(policy.actions, count))
        if not count or any(action in TURNS for action in drawn) or not any(a in TURNS for a in policy.actions):
            return drawn


class _Rest:
    """The resting pose over the last calm frames, and what turned against it."""

    def __init__(self) -> None:
        self._landmarks: list[Landmarks] = []
        self._yaws: list[float] = []
        self._mouths: list[float] = []
        self._turned: list[tuple[float, float]] = []
        self.yaw = 0.0
        self.mouth = 0.0

    def add(self, look: Look, keep: int) -> None:
        """Take a calm frame, forget those more than ``keep`` frames old and what turned."""
        if look.face is None or look.quality is None:
            return
        self._landmarks = [*self._landmarks, look.face.landmarks][-keep:]
        self._yaws = [*self._yaws, look.quality.pose.yaw][-keep:]
        self._mouths = [*self._mouths, look.mouth][-keep:]
        self._turned = []
        self.yaw, self.mouth = float(np.median(self._yaws)), float(np.median(self._mouths))

    def compare(self, landmarks: Landmarks, sign: int, turn: float) -> None:
        """Take a frame of a turn by ``turn`` degrees to the side of ``sign``."""
        at_rest = np.asarray(np.mean(self._landmarks, axis=0), np.float32)
        shift, _ = relief(at_rest, landmarks)
        self._turned.append((float(np.sin(np.radians(sign * turn))), sign * shift))

    def relief(self) -> float:
        """Return the slope of relief over the sine of the turn, through 0, over the frames of the turn."""
        sines, shifts = np.array(self._turned).T
        return float(sines @ shifts / max(sines @ sines, 1e-6))


class Challenge:
    """One order of actions, answered or failed. Pure: pictures and time come with the looks.

    Args:
        actions: in the order to ask for them, at least one.
        choose: draws the pauses.
    """

    def __init__(self, actions: Sequence[Action], policy: ChallengePolicy, choose: random.Random | None = None) -> None:
        self._actions, self._policy = tuple(actions), policy
        self._choose = choose or secrets.SystemRandom()
        self._rest = _Rest()
        self._unasked = 0
        self._has_rested = False
        self._shut = 0
        self._frames: dict[Action, int] = {}
        self.done = 0
        self.verdict: Verdict | None = None
        self._wait()

    @property
    def total(self) -> int:
        """How many actions it has."""
        return len(self._actions)

    @property
    def prompt(self) -> Action | None:
        """What the person is asked to do now."""
        return self._actions[self.done] if self._is_prompted and self.verdict is None else None

    @property
    def has_failed(self) -> bool:
        """Whether it is over without being passed."""
        return self.verdict not in {None, Verdict.PASSED}

    def observe(self, look: Look) -> None:
        """Take a frame with one face; ``verdict`` is set when the challenge is over."""
        if self.verdict is not None or look.face is None or look.quality is None:
            return
        turn = look.quality.pose.yaw - self._rest.yaw
        rise = look.mouth - self._rest.mouth
        shown = self._shown(turn, rise, look.eyes)
        self._frames = {action: self._frames.get(action, 0) + 1 for action in shown}
        others = self._others(turn, rise)
        if self._is_prompted:
            self._follow(look, turn, shown, others)
        else:
            self._wait_for_rest(look, turn, shown, others)

    def _shown(self, turn: float, rise: float, eyes: tuple[float, float]) -> set[Action]:
        """Return what this frame shows at its height."""
        policy = self._policy
        signs = {
            **{action: sign * turn >= policy.turn_deg for action, sign in TURNS.items()},
            Action.BLINK: max(eyes) < policy.eyes_closed,
            Action.OPEN_MOUTH: rise >= policy.mouth_rise,
        }
        return {action for action, is_shown in signs.items() if is_shown}

    def _others(self, turn: float, rise: float) -> set[Action]:
        """Return what is surely being done. Nobody can help blinking, and a word or a turn moves the lips a little."""
        is_wide = rise >= self._policy.wide_rise and abs(turn) < 2 * self._policy.rest_deg
        return {
            action
            for action, frames in self._frames.items()
            if frames >= self._policy.sure_frames and (action in TURNS or (action is Action.OPEN_MOUTH and is_wide))
        }

    def _wait(self) -> None:
        """Ask for nothing until the head rests."""
        self._is_prompted = False
        self._asks_at: float | None = None
        self._calm = 0
        self._frames = {}
        self._was_seen = False
        self._was_unasked: set[Action] = set()

    def _wait_for_rest(self, look: Look, turn: float, shown: set[Action], others: set[Action]) -> None:
        policy = self._policy
        is_calm = abs(turn) < 2 * policy.rest_deg and Action.OPEN_MOUTH not in shown
        is_shut = self._actions[self.done] is Action.BLINK and max(look.eyes) <= policy.eyes_open
        self._count_unasked(others)
        if is_calm and is_shut:
            self._spare_blink()
        if not is_calm or is_shut:
            self._calm, self._asks_at = 0, None
            return
        self._rest.add(look, 2 * policy.calm_frames)
        self._calm += 1
        if self._calm < policy.calm_frames:
            return
        self._has_rested = True
        if self._asks_at is None:
            self._asks_at = look.captured_at + self._choose.uniform(*policy.pause_s)
        if look.captured_at >= self._asks_at:
            self._asks_at, self._is_prompted, self._frames = look.captured_at, True, {}

    def _spare_blink(self) -> None:
        """Ask for something else of a person whose open eyes the network takes for closed: 5 % of LFW's portraits."""
        self._shut += 1
        left = [action for action in self._policy.actions if action not in self._actions]
        if self._shut >= self._policy.shut_frames and left:
            self._shut = 0
            self._actions = tuple(
                self._choose.choice(left) if action is Action.BLINK else action for action in self._actions
            )

    def _count_unasked(self, others: set[Action]) -> None:
        """Between two prompts people wait; a film goes on. Before they first rest they may still find their seat."""
        if not self._has_rested:
            return
        self._unasked += len(others - self._was_unasked)
        self._was_unasked = others
        if self._unasked > self._policy.unasked:
            self.verdict = Verdict.WRONG_ACTION

    def _follow(self, look: Look, turn: float, shown: set[Action], others: set[Action]) -> None:
        asked, asked_s = self._actions[self.done], look.captured_at - (self._asks_at or look.captured_at)
        if asked_s > self._policy.answer_s:
            self.verdict = Verdict.NOT_ANSWERED
        elif others - {asked}:
            self.verdict = Verdict.WRONG_ACTION
        elif asked_s < self._policy.reaction_s:
            self._frames = {}
        else:
            if asked in TURNS and look.face is not None and TURNS[asked] * turn >= self._policy.rest_deg:
                self._rest.compare(look.face.landmarks, TURNS[asked], turn)
            self._was_seen = self._was_seen or self._frames.get(asked, 0) >= self._policy.peak_frames
            if self._was_seen and asked not in shown and self._is_back(asked, turn, look):
                self._answered(asked)

    def _is_back(self, asked: Action, turn: float, look: Look) -> bool:
        policy = self._policy
        if asked is Action.BLINK:
            return max(look.eyes) > policy.eyes_open
        if asked is Action.OPEN_MOUTH:
            return look.mouth - self._rest.mouth < policy.mouth_rise / 2
        return abs(turn) < policy.rest_deg

    def _answered(self, asked: Action) -> None:
        if asked in TURNS and self._rest.relief() < self._policy.min_relief:
            self.verdict = Verdict.FLAT
            return
        self.done += 1
        self._wait()
        if self.done == self.total:
            self.verdict = Verdict.PASSED
