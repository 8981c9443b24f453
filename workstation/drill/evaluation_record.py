"""The demo main site's content: bidders, scoring criteria, and what the experts saved."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

MAX_COMMENT = 300


@dataclass(frozen=True, kw_only=True)
class Bidder:
    """A bidder of the demo project."""

    key: str
    name: str
    price_yuan: int
    period_days: int


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One line of the scoring form. ``weight`` is the highest score."""

    key: str
    name: str
    basis: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """One expert's judgement of one criterion."""

    points: float
    comment: str


BIDDERS = (
    Bidder(key="a", name="投标人甲", price_yuan=38_620_000, period_days=540),
    Bidder(key="b", name="投标人乙", price_yuan=37_985_000, period_days=560),
    Bidder(key="c", name="投标人丙", price_yuan=39_140_000, period_days=510),
)
CRITERIA = (
    Criterion(key="plan", name="施工组织设计", basis="方案完整、针对性强、工序安排合理", weight=25),
    Criterion(key="quality", name="质量与安全措施", basis="质量目标明确，安全与文明施工措施可行", weight=20),
    Criterion(key="schedule", name="工期与资源配备", basis="进度计划可行，人员、机械配备满足要求", weight=15),
    Criterion(key="team", name="项目管理机构", basis="项目经理及主要人员的资格与业绩", weight=20),
    Criterion(key="record", name="企业业绩与信誉", basis="近三年类似工程业绩、履约情况", weight=20),
)

Form = dict[str, Score]


class FormError(ValueError):
    """A form that cannot be saved; the text is for the expert."""


def parse_form(fields: Mapping[str, str]) -> Form:
    """Read a submitted form.

    Raises:
        FormError: a score is missing, no number, or outside its range; a comment is too long.
    """
    form: Form = {}
    for criterion in CRITERIA:
        try:
            points = float(fields.get(f"points-{criterion.key}", ""))
        except ValueError:
            raise FormError(f"请填写“{criterion.name}”的得分。") from None
        if not 0 <= points <= criterion.weight:
            raise FormError(f"“{criterion.name}”的得分应在 0 到 {criterion.weight} 之间。")
        comment = fields.get(f"comment-{criterion.key}", "").strip()
        if len(comment) > MAX_COMMENT:
            raise FormError(f"“{criterion.name}”的评审意见不能超过 {MAX_COMMENT} 字。")
        form[criterion.key] = Score(points=round(points, 1), comment=comment)
    return form


def total(form: Form) -> float:
    """Return the sum of a form's scores, 0 to 100."""
    return round(sum(score.points for score in form.values()), 1)


class Record:
    """What was saved, per project and alias, so that an expert who comes back finds it. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: dict[tuple[str, str, str], Form] = {}

    def save(self, project_id: str, alias: str, bidder: str, form: Form) -> None:
        """Keep an expert's form for a bidder, in place of the one before."""
        with self._lock:
            self._forms[project_id, alias, bidder] = form

    def load(self, project_id: str, alias: str, bidder: str) -> Form:
        """Return what was saved, empty when nothing was."""
        with self._lock:
            return self._forms.get((project_id, alias, bidder), {})
