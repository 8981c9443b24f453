"""Active presentation attack detection (ISO/IEC 30107-1): actions asked for in a random order, followed in time.

Stops prints, bent or turned pictures, and films that do other actions than those drawn now. Does not stop a
film that is steered, a mask, or pictures fed in below the camera driver. Not tested by a laboratory; docs/face-pad.md.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
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
        mouth_rise: by how much the mouth opens; a smile with teeth is 0.1 open already, a word changes it by 0.1.
        eyes_closed, eyes_open: openness of both eyes.
        min_relief: slope of relief over the sine of the turn: 1 for the generic head, 0 for anything flat.
    """

    actions: tuple[Action, ...] = tuple(Action)
    count: int = 2
    challenges: int = 2
    calm_frames: int = 4
    pause_s: tuple[float, float] = (0.3, 0.9)
    answer_s: float = 7.0
    reaction_s: float = 0.1
    peak_frames: int = 2
    turn_deg: float = 15.0
    rest_deg: float = 7.0
    mouth_rise: float = 0.15
    eyes_closed: float = 0.35
    eyes_open: float = 0.6
    min_relief: float = 0.5


def draw_actions(policy: ChallengePolicy, choose: random.Random | None = None) -> tuple[Action, ...]:
    """Return the actions of one challenge in their random order; empty when the site allows none."""
    choose = choose or secrets.SystemRandom()
    count = min(policy.count, len(policy.actions))
    while True:
        drawn = tuple(choose.sample(policy.actions, count))
        if not count or any(action in TURNS for action in drawn) or not any(a in TURNS for a in policy.actions):
            return drawn


@dataclass(kw_only=True)
class _Rest:
    """The resting pose, over the last calm frames."""

    landmarks: list[Landmarks] = field(default_factory=list)
    yaws: list[float] = field(default_factory=list)
    mouths: list[float] = field(default_factory=list)

    def add(self, look: Look, keep: int) -> None:
        face, quality = look.face, look.quality
        if face is None or quality is None:
            return
        self.landmarks = [*self.landmarks, face.landmarks][-keep:]
        self.yaws = [*self.yaws, quality.pose.yaw][-keep:]
        self.mouths = [*self.mouths, look.mouth][-keep:]

    @property
    def face(self) -> Landmarks:
        return np.asarray(np.mean(self.landmarks, axis=0), np.float32)


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
        self._calm = 0
        self._prompt_at: float | None = None
        self._is_prompted = False
        self._turned: list[tuple[float, float]] = []
        self._peak_frames = 0
        self.done = 0
        self.verdict: Verdict | None = None

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
        if not self._is_prompted:
            self._wait_for_rest(look)
            return
        asked_s = look.captured_at - (self._prompt_at or look.captured_at)
        if asked_s > self._policy.answer_s:
            self.verdict = Verdict.NOT_ANSWERED
            return
        action = self._actions[self.done]
        turn = look.quality.pose.yaw - float(np.median(self._rest.yaws))
        rise = look.mouth - float(np.median(self._rest.mouths))
        if self._is_another_action(action, turn, rise):
            self.verdict = Verdict.WRONG_ACTION
        elif action in TURNS:
            self._follow_turn(look.face.landmarks, TURNS[action] * turn, asked_s)
        elif action is Action.BLINK:
            self._follow(
                is_at_peak=max(look.eyes) < self._policy.eyes_closed,
                is_over=max(look.eyes) > self._policy.eyes_open,
                asked_s=asked_s,
            )
        else:
            self._follow(
                is_at_peak=rise >= self._policy.mouth_rise,
                is_over=rise < self._policy.mouth_rise / 2,
                asked_s=asked_s,
            )

    def _wait_for_rest(self, look: Look) -> None:
        policy = self._policy
        quality = look.quality
        if quality is None:
            return
        wants_eyes = self._actions[self.done] is Action.BLINK
        yaw = quality.pose.yaw - (float(np.median(self._rest.yaws)) if self._rest.yaws and self.done else 0.0)
        is_calm = abs(yaw) < 2 * policy.rest_deg and (not wants_eyes or max(look.eyes) > policy.eyes_open)
        if not is_calm:
            self._calm, self._prompt_at = 0, None
            return
        self._rest.add(look, 2 * policy.calm_frames)
        self._calm += 1
        if self._calm < policy.calm_frames:
            return
        if self._prompt_at is None:
            self._prompt_at = look.captured_at + self._choose.uniform(*policy.pause_s)
        if look.captured_at >= self._prompt_at:
            self._prompt_at, self._is_prompted = look.captured_at, True
            self._peak_frames, self._turned = 0, []

    def _is_another_action(self, action: Action, turn: float, rise: float) -> bool:
        """Blinking is never another action: people must. Half-open lips and small turns are not either."""
        if action in TURNS:
            return -TURNS[action] * turn >= self._policy.turn_deg
        return abs(turn) >= 1.4 * self._policy.turn_deg or (
            action is Action.BLINK and rise >= 3 * self._policy.mouth_rise
        )

    def _follow_turn(self, landmarks: Landmarks, turn: float, asked_s: float) -> None:
        if turn >= self._policy.rest_deg and asked_s >= self._policy.reaction_s:
            shift, _ = relief(self._rest.face, landmarks)
            sign = TURNS[self._actions[self.done]]
            self._turned.append((float(np.sin(np.radians(turn))), sign * shift))
        self._follow(is_at_peak=turn >= self._policy.turn_deg, is_over=turn < self._policy.rest_deg, asked_s=asked_s)

    def _follow(self, *, is_at_peak: bool, is_over: bool, asked_s: float) -> None:
        if is_at_peak and asked_s >= self._policy.reaction_s:
            self._peak_frames += 1
        elif self._peak_frames >= self._policy.peak_frames and is_over:
            self._answered()

    def _answered(self) -> None:
        if self._actions[self.done] in TURNS and self._relief() < self._policy.min_relief:
            self.verdict = Verdict.FLAT
            return
        self.done += 1
        self._is_prompted, self._prompt_at, self._calm = False, None, 0
        if self.done == self.total:
            self.verdict = Verdict.PASSED

    def _relief(self) -> float:
        """Return the slope of relief over the sine of the turn, through 0, over the frames of the turn."""
        sines, shifts = np.array(self._turned).T
        return float(sines @ shifts / max(sines @ sines, 1e-6))
