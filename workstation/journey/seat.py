"""What a seat may be left for, for how long, and how bad it is when it is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, kw_only=True)
class SeatPolicy:
    """The site's decision about leaving the seat during the evaluation (``[presence]`` of the configuration).

    Attributes:
        watch: whether the camera watches the seat.
        away_report_s: the administrator is told of a seat that was locked as left (E-701) for so long.
        leave_s: ... and of a short leave (E-702) that lasts longer than this.
        camera_lock_s: after how long a lost or covered camera locks the booth; for the screen, the watch measures it.
    """

    watch: bool = True
    away_report_s: float = 5 * 60.0
    leave_s: float = 15 * 60.0
    camera_lock_s: float = 3 * 60.0


USUAL_SEAT_POLICY: Final = SeatPolicy()


class LeaveReason(StrEnum):
    """What a short leave (暂离) is for."""

    REST_ROOM = "rest-room"
    WATER = "water"
    UNWELL = "unwell"
    OTHER = "other"


class SeatLevel(StrEnum):
    """What something that is wrong with the seat has come to: the expert is told, the administrator, or the end."""

    NOTICE = "notice"
    ALARM = "alarm"
    LOCK = "lock"
