"""One verification session: a challenge answered by a living head, good probes of the same face, one decision."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from drivers.contracts import Image
from workstation.face.coaching import CapturePolicy, Coaching, coach
from workstation.face.contract import DetectedFace, Embedding, FaceEngine, ReferenceKind, compare, fuse
from workstation.face.liveness import Action, Challenge, ChallengePolicy, Verdict, draw_actions
from workstation.face.look import Look, look_at
from workstation.face.track import Continuity, Track

PROBES_AFTER = 2
"""So many probes come after the challenge: who answered it must be who is compared."""
WITNESS_INTERVAL_S = 0.25
MIN_WITNESS_AGREEMENT = 0.35
"""Of a frame in the middle of an action with the probes: turned and grimacing faces of one person score lower."""
MAX_WITNESS_YAW = 25.0


class Decision(StrEnum):
    """Outcome of a session. GREY goes to a human with the pictures side by side, NOT_LIVE to a human at the booth."""

    MATCH = "match"
    GREY = "grey"
    NO_MATCH = "no-match"
    NOT_LIVE = "not-live"


@dataclass(frozen=True, kw_only=True)
class NormalisedBox:
    """Rectangle in parts of the frame, 0..1, cut at the frame's edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class LivenessResult:
    """What presentation attack detection found (ISO/IEC 30107-3), for the record.

    Attributes:
        verdict: of the last challenge, ``None`` when none was asked for.
        challenges: how many were begun.
        passive_score: mean over the probes, 0..1; ``None`` without a network. A hint, no decision rests on it.
    """

    verdict: Verdict | None
    challenges: int
    passive_score: float | None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one frame showed and where the session stands.

    Attributes:
        box: of the largest face.
        prompt: what the person is asked to do now.
        actions_done: of the ``actions_total`` of this challenge.
        kept_probes: how many of the ``needed_probes`` are there.
        breaks: how often the session began anew because it may have been somebody else.
        decision: set from the last probe on, until the next reference.
        similarity_score: the score of ``decision``; for the record, not for the person.
        liveness: set with ``decision``.
    """

    face_count: int
    box: NormalisedBox | None
    coaching: Coaching
    prompt: Action | None = None
    actions_done: int = 0
    actions_total: int = 0
    kept_probes: int = 0
    needed_probes: int = 0
    breaks: int = 0
    decision: Decision | None = None
    similarity_score: float | None = None
    liveness: LivenessResult | None = None


@dataclass(kw_only=True, eq=False)
class _Probe:
    embedding: Embedding
    yaw: float
    passive_score: float | None


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    decision: Decision
    score: float | None
    liveness: LivenessResult


class VerificationSession:
    """Compares a live person with one reference. Frames are never kept, embeddings until ``clear``.

    The person who matched stays enrolled, as one embedding, until ``forget`` or the next photo: the watch over
    the seat and the way back after a break need to know them.
    """

    def __init__(
        self, engine: FaceEngine, capture: CapturePolicy | None = None, choose: random.Random | None = None
    ) -> None:
        self._engine, self._capture, self._choose = engine, capture or CapturePolicy(), choose
        self._policy = engine.policies[ReferenceKind.CARD_PHOTO]
        self._challenges = ChallengePolicy(actions=())
        self._reference: Embedding | None = None
        self._enrolled: Embedding | None = None
        self._outcome: _Outcome | None = None
        self._before: list[_Probe] = []
        self._after: list[_Probe] = []
        self._begin()

    @property
    def enrolled(self) -> Embedding | None:
        """The person who matched last."""
        return self._enrolled

    def set_reference(
        self,
        image: Image,
        kind: ReferenceKind = ReferenceKind.CARD_PHOTO,
        challenges: ChallengePolicy | None = None,
    ) -> bool:
        """Start with a photo of somebody new; false (and no reference) when it shows no face.

        Args:
            image: the photo.
            kind: where it comes from.
            challenges: what liveness is asked for; none when left out.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        self.forget()
        self._policy = self._engine.policies[kind]
        self._challenges = challenges or self._challenges
        self._reference = self._engine.describe_reference(image)
        self._begin()
        return self._reference is not None

    def use_enrolled(self, challenges: ChallengePolicy) -> bool:
        """Start with the person who matched last as the reference; false when nobody is enrolled."""
        self.clear()
        if self._enrolled is None:
            return False
        self._policy = self._engine.policies[ReferenceKind.ROSTER_PHOTO]  # a clean picture of today
        self._challenges = challenges
        self._reference = self._enrolled.copy()
        self._begin()
        return True

    def observe(self, image: Image, captured_at: float) -> Observation:
        """Look at one frame. Without a reference it only counts, places and coaches.

        Args:
            image: the camera picture.
            captured_at: monotonic seconds of the capture.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        look = look_at(self._engine, image, captured_at)
        coaching = coach(look, self._capture)
        if self._reference is not None and self._outcome is None:
            self._follow(image, look, coaching)
        return self._observation(look, coaching)

    def clear(self) -> None:
        """Overwrite and drop the reference and all probes. Who is enrolled stays."""
        if self._reference is not None:
            self._reference.fill(0)
        self._reference = None
        self._drop_probes()
        self._begin()

    def forget(self) -> None:
        """Overwrite and drop everything, the enrolled person too."""
        self.clear()
        if self._enrolled is not None:
            self._enrolled.fill(0)
        self._enrolled = None

    def _begin(self) -> None:
        self._outcome = None
        self._breaks = self._failed = self._begun = 0
        self._track = Track()
        self._begin_challenge()

    def _begin_challenge(self) -> None:
        self._drop_probes()
        self._described_at = float("-inf")
        actions = draw_actions(self._challenges, self._choose, failed=self._failed)
        self._challenge = Challenge(actions, self._challenges, self._choose) if actions else None
        self._begun += self._challenge is not None

    def _follow(self, image: Image, look: Look, coaching: Coaching) -> None:
        match self._track.follow(look):
            case Continuity.BROKEN:
                self._break()
            case Continuity.SAME if look.face is not None:
                self._use(image, look, look.face, coaching)

    def _break(self) -> None:
        """Somebody else may sit there now: what was seen before counts for nothing."""
        self._breaks += 1
        self._begin_challenge()

    def _use(self, image: Image, look: Look, face: DetectedFace, coaching: Coaching) -> None:
        challenge = self._challenge
        if challenge is not None and challenge.verdict is None:
            if challenge.prompt is not None or coaching is Coaching.NONE:
                challenge.observe(look)
            if challenge.has_failed:
                self._fail(challenge)
                return
            if challenge.prompt is not None:
                self._witness(image, look, face)
                return
        if coaching is Coaching.NONE:
            self._collect(image, look, face)

    def _fail(self, challenge: Challenge) -> None:
        self._failed += 1
        if self._failed >= self._challenges.challenges:
            self._outcome = _Outcome(decision=Decision.NOT_LIVE, score=None, liveness=self._liveness(challenge.verdict))
            self._drop_probes()
        else:
            self._begin_challenge()

    def _witness(self, image: Image, look: Look, face: DetectedFace) -> None:
        """Now and then describe a face that is busy with an action: it must be the one that is compared."""
        if look.quality is None or not self._before or abs(look.quality.pose.yaw) > MAX_WITNESS_YAW:
            return
        if look.captured_at - self._described_at < WITNESS_INTERVAL_S:
            return
        self._described_at = look.captured_at
        embedding = self._engine.describe(image, face)
        agreement = compare(fuse([probe.embedding for probe in self._before]), embedding)
        embedding.fill(0)
        if agreement < MIN_WITNESS_AGREEMENT:
            self._break()

    def _collect(self, image: Image, look: Look, face: DetectedFace) -> None:
        """Keep the frame as a probe; of more than are needed the most frontal ones."""
        if look.quality is None or look.captured_at - self._described_at < self._capture.probe_interval_s:
            return
        self._described_at = look.captured_at
        probe = _Probe(
            embedding=self._engine.describe(image, face),
            yaw=abs(look.quality.pose.yaw),
            passive_score=self._engine.passive_score(image, face),
        )
        if not self._agrees(probe):
            self._break()
        if self._challenge is not None and self._challenge.verdict is None:
            self._keep_best(probe)
            return
        self._after.append(probe)
        if len(self._before) + len(self._after) == self._capture.probes:
            self._decide()

    def _keep_best(self, probe: _Probe) -> None:
        self._before.append(probe)
        if len(self._before) > self._capture.probes - PROBES_AFTER:
            worst = max(self._before, key=lambda item: item.yaw)
            self._before.remove(worst)
            worst.embedding.fill(0)

    def _agrees(self, probe: _Probe) -> bool:
        return all(
            compare(kept.embedding, probe.embedding) >= self._capture.min_agreement
            for kept in (*self._before, *self._after)
        )

    def _decide(self) -> None:
        if self._reference is None:
            return
        fused = fuse([probe.embedding for probe in (*self._before, *self._after)])
        score = compare(self._reference, fused)
        if score >= self._policy.match_threshold:
            decision = Decision.MATCH
            self._enrol(fused)
        else:
            decision = Decision.GREY if score >= self._policy.grey_threshold else Decision.NO_MATCH
            fused.fill(0)
        verdict = self._challenge.verdict if self._challenge else None
        self._outcome = _Outcome(decision=decision, score=score, liveness=self._liveness(verdict))
        self._drop_probes()

    def _enrol(self, fused: Embedding) -> None:
        if self._enrolled is not None:
            self._enrolled.fill(0)
        self._enrolled = fused

    def _liveness(self, verdict: Verdict | None) -> LivenessResult:
        scores = [p.passive_score for p in (*self._before, *self._after) if p.passive_score is not None]
        return LivenessResult(
            verdict=verdict,
            challenges=self._begun,
            passive_score=round(sum(scores) / len(scores), 3) if scores else None,
        )

    def _drop_probes(self) -> None:
        for probe in (*self._before, *self._after):
            probe.embedding.fill(0)
        self._before.clear()
        self._after.clear()

    def _observation(self, look: Look, coaching: Coaching) -> Observation:
        outcome, challenge = self._outcome, self._challenge
        return Observation(
            face_count=len(look.faces),
            box=_normalised(look),
            coaching=coaching,
            prompt=challenge.prompt if challenge and outcome is None else None,
            actions_done=challenge.done if challenge else 0,
            actions_total=challenge.total if challenge else 0,
            kept_probes=self._capture.probes if outcome else len(self._before) + len(self._after),
            needed_probes=self._capture.probes,
            breaks=self._breaks,
            decision=outcome.decision if outcome else None,
            similarity_score=outcome.score if outcome else None,
            liveness=outcome.liveness if outcome else None,
        )


def _normalised(look: Look) -> NormalisedBox | None:
    if look.face is None:
        return None
    (width, height), box = look.frame_size, look.face.box
    left, right = (min(max(x / width, 0.0), 1.0) for x in (box.x, box.x + box.width))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (box.y, box.y + box.height))
    return NormalisedBox(x=left, y=top, width=right - left, height=bottom - top)
