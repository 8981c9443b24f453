"""What of the board the header shows: never good for what is not known."""

from __future__ import annotations

import pytest

from drivers.errors import ErrorCode
from workstation.health.board import MAX_AGE_S, HealthBoard
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState
from workstation.ui.present import status_view
from workstation.ui.views import StatusView

OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN
STAYING = (ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET)


def shown(*readings: tuple[ReadingKind, ReadingState, dict[str, float]], later_s: float = 0.0) -> StatusView:
    board, now = HealthBoard(), Moment.now()
    for kind, state, values in readings:
        code = ErrorCode.DEVICE_NOT_REGISTERED if state is BAD and kind is ReadingKind.USB else None
        board.observe(Reading(kind=kind, state=state, observed=now, values=values, code=code))
    return status_view(board.snapshot(Moment(utc=now.utc, monotonic_s=now.monotonic_s + later_s)))


def devices(view: StatusView) -> dict[ReadingKind, ReadingState]:
    return {device.kind: device.state for device in view.devices}


def test_before_anything_is_known_nothing_is_good() -> None:
    view = shown()
    assert devices(view) == dict.fromkeys(STAYING, UNKNOWN)
    assert (view.network, view.power, view.network_ms, view.minutes_left) == (UNKNOWN, UNKNOWN, None, None)


@pytest.mark.parametrize(
    ("kind", "state", "values", "is_shown"),
    [
        (ReadingKind.SIGNATURE_PAD, OK, {"present_count": 1}, True),
        (ReadingKind.SIGNATURE_PAD, BAD, {"present_count": 0}, True),
        (ReadingKind.SIGNATURE_PAD, UNKNOWN, {}, True),
        (ReadingKind.TOKEN, OK, {"present_count": 1}, True),
        (ReadingKind.TOKEN, OK, {"present_count": 0}, False),
        (ReadingKind.USB, OK, {}, False),
        (ReadingKind.USB, BAD, {}, True),
        (ReadingKind.DISPLAY, BAD, {}, True),
        (ReadingKind.DISK, WARN, {}, False),
        (ReadingKind.DISK, BAD, {}, True),
        (ReadingKind.CLOCK, WARN, {}, False),
    ],
)
def test_what_matters_is_shown(
    kind: ReadingKind, state: ReadingState, values: dict[str, float], is_shown: bool
) -> None:
    seen = devices(shown((kind, state, values)))
    assert seen.get(kind) == (state if is_shown else None)
    assert set(seen) - {kind} == set(STAYING)


def test_a_pad_not_heard_of_any_more_is_shown_as_unknown() -> None:
    late_s = MAX_AGE_S[ReadingKind.SIGNATURE_PAD] + 1
    view = shown((ReadingKind.SIGNATURE_PAD, OK, {"present_count": 1}), later_s=late_s)
    assert devices(view)[ReadingKind.SIGNATURE_PAD] is UNKNOWN


def test_what_must_be_undone_is_named_first() -> None:
    assert shown((ReadingKind.USB, BAD, {})).devices[0].kind is ReadingKind.USB


def test_the_delay_of_the_network() -> None:
    assert shown((ReadingKind.SITE, OK, {"round_trip_ms": 17.6})).network_ms == 18
