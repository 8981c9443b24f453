"""One reading: what was seen of one thing at one moment, and how good that is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drivers.errors import ErrorCode
from workstation.site.readings import DeviceIdentity, Quality, ReadingKind, ReadingReport, ReadingState

_MAX_DETAIL = 200
"""Limit of ``ReadingReport.detail``."""


Source = tuple[ReadingKind, str]
"""A kind and which one of it: what has one latest reading."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One instant on two clocks: the wall clock for people, the monotonic one for durations and ages.

    The wall clock of a booth is stepped by NTP, sometimes by hours; nothing here computes with it.

    Attributes:
        utc: aware, UTC.
        monotonic_s: ``time.monotonic()`` seconds.
    """

    utc: datetime
    monotonic_s: float

    @classmethod
    def now(cls) -> Moment:
        """Return this instant."""
        return cls(utc=datetime.now(UTC), monotonic_s=time.monotonic())


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was seen of one thing.

    Attributes:
        values: figures with the unit in the name, such as ``runtime_s``; only those that were measured.
        code: what is wrong, when people are told about it; always ``None`` when OK or UNKNOWN.
        detail: short technical fact for the administrator; never a person's data.
        device: which piece of hardware was seen, ``None`` for what is no device.
        subject: which of several of the kind, "" for the only one or for their summary.
        quality: how far the figures can be believed; BAD when UNKNOWN.
        changes: what came ("+") and went ("-") since the reading before, where that is an event by itself; it goes to
            the journal, not into the report.

    Raises:
        ValueError: a code beside OK or UNKNOWN, or a value that is no finite number.
    """

    kind: ReadingKind
    state: ReadingState
    observed: Moment
    values: Mapping[str, float] = field(default_factory=dict)
    code: ErrorCode | None = None
    detail: str = ""
    device: DeviceIdentity | None = None
    subject: str = ""
    quality: Quality = Quality.GOOD
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code is not None and self.state in {ReadingState.OK, ReadingState.UNKNOWN}:
            raise ValueError(f"a reading that is {self.state} cannot have a code")
        if not all(math.isfinite(value) for value in self.values.values()):
            raise ValueError("a value is not finite")

    @property
    def source(self) -> Source:
        """What was looked at: one key of the board."""
        return self.kind, self.subject

    @property
    def observed_at(self) -> datetime:
        """Wall clock of the observation, UTC."""
        return self.observed.utc

    def report(self) -> ReadingReport:
        """Return the reading as it goes to the site."""
        return ReadingReport(
            kind=self.kind,
            subject=self.subject,
            state=self.state,
            quality=Quality.BAD if self.state is ReadingState.UNKNOWN else self.quality,
            observed_at=self.observed_at,
            values=dict(self.values),
            detail=self.detail[:_MAX_DETAIL],
            device=self.device,
        )
