"""Turns what the bridges say into what the window shows."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from drivers.errors import ErrorCode
from workstation.bridge.power import PowerState
from workstation.face.verification import Observation
from workstation.health.board import NEVER_READ, HealthSnapshot
from workstation.health.readings import Reading
from workstation.site.contract import BoothInfo
from workstation.site.readings import ReadingKind, ReadingState
from workstation.ui.views import BookingView, BoothView, Coaching, DeviceView, FaceView, PowerView, Prompt, StatusView

DEVICES = (ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET)
"""Every booth has these: unknown is not good."""

_IF_WATCHED = (ReadingKind.TOKEN, ReadingKind.SIGNATURE_PAD)
"""Counted where the booth is configured for them: where they are seen or missed."""

_IF_BAD = (ReadingKind.DISPLAY, ReadingKind.USB, ReadingKind.DISK, ReadingKind.MEMORY, ReadingKind.TEMPERATURE)
"""No device of the expert's: named only when something is wrong with it."""


def status_view(snapshot: HealthSnapshot) -> StatusView:
    """Return the header's chips."""
    site, ups = snapshot.readings[ReadingKind.SITE], snapshot.readings[ReadingKind.UPS]
    round_trip_ms, runtime_s = site.values.get("round_trip_ms"), ups.values.get("runtime_s")
    return StatusView(
        network=site.state,
        network_ms=None if round_trip_ms is None else round(round_trip_ms),
        power=ups.state,
        on_battery=ups.code in {ErrorCode.ON_BATTERY, ErrorCode.BATTERY_LOW},
        minutes_left=None if runtime_s is None else int(runtime_s // 60),
        devices=tuple(DeviceView(kind=kind, state=snapshot.readings[kind].state) for kind in _shown(snapshot)),
    )


def power_view(state: PowerState) -> PowerView:
    """Return how the power stands, in the booth's own time zone."""
    outlook, until = state.outlook, state.until
    shown = PowerView(is_monitored=state.is_monitored, phase=outlook.phase, off_in_s=math.ceil(outlook.off_in_s or 0.0))
    if until is None:
        return shown
    needed = "" if until.needed_until is None else until.needed_until.astimezone().strftime("%H:%M")
    return replace(
        shown,
        until=until.lasts_until.astimezone().strftime("%H:%M"),
        needed=needed,
        is_rule=until.is_rule,
        verdict=until.verdict,
    )


def _shown(snapshot: HealthSnapshot) -> tuple[ReadingKind, ...]:
    readings = snapshot.readings
    watched = [kind for kind in _IF_WATCHED if _is_watched(readings[kind])]
    bad = [kind for kind in _IF_BAD if readings[kind].state is ReadingState.BAD]
    # The chip names the first two that are not well: what must be undone at once comes before what is only missing.
    return (*bad, *DEVICES, *watched)


def _is_watched(reading: Reading) -> bool:
    """A key that experts bring themselves is no missing device while nobody has brought one."""
    if reading.state is ReadingState.UNKNOWN:
        return reading.detail != NEVER_READ
    return reading.state is not ReadingState.OK or reading.values.get("present_count", 0.0) > 0


def booth_view(info: BoothInfo, *, drill: bool, bundle: str) -> BoothView:
    """Return what the sign-in screen says of this booth today, in the booth's own time zone."""
    today = datetime.now().astimezone().date()
    bookings = tuple(
        BookingView(
            starts_at=booking.starts_at.astimezone().strftime("%H:%M"),
            ends_at=booking.ends_at.astimezone().strftime("%H:%M"),
            projects=booking.projects,
        )
        for booking in info.bookings
        if booking.starts_at.astimezone().date() == today
    )
    return BoothView(
        centre=info.centre,
        room=info.room,
        booth_label=info.booth_label,
        hotline=info.hotline,
        bookings=bookings,
        drill=drill,
        bundle=bundle,
    )


def face_view(observation: Observation) -> FaceView:
    """Return how the face check is going."""
    box = observation.box
    return FaceView(
        box=None if box is None else (box.x, box.y, box.width, box.height),
        coaching=Coaching(observation.coaching.value),
        prompt=None if observation.prompt is None else Prompt(observation.prompt.value),
        actions_done=observation.actions_done,
        actions_total=observation.actions_total,
        kept=observation.kept_probes,
        wanted=observation.needed_probes,
    )
