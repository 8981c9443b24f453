"""Turns what the bridges say into what the window shows."""

from __future__ import annotations

from datetime import datetime

from drivers.errors import ErrorCode
from workstation.face.verification import Observation
from workstation.health.board import HealthSnapshot
from workstation.site.contract import BoothInfo
from workstation.site.readings import ReadingKind
from workstation.ui.views import BookingView, BoothView, Coaching, DeviceView, FaceView, Prompt, StatusView

DEVICES = (ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET)


def status_view(snapshot: HealthSnapshot) -> StatusView:
    """Return the header's chips."""
    site, ups = snapshot.readings[ReadingKind.SITE], snapshot.readings[ReadingKind.UPS]
    round_trip_s, runtime_s = site.values.get("round_trip_s"), ups.values.get("runtime_s")
    return StatusView(
        network=site.state,
        network_ms=None if round_trip_s is None else round(round_trip_s * 1000),
        power=ups.state,
        on_battery=ups.code in {ErrorCode.ON_BATTERY, ErrorCode.BATTERY_LOW},
        minutes_left=None if runtime_s is None else int(runtime_s // 60),
        devices=tuple(DeviceView(kind=kind, state=snapshot.readings[kind].state) for kind in DEVICES),
    )


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
