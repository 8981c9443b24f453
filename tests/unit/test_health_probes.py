"""What devices, disk, clock and links say, as readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus
from drivers.errors import ErrorCode
from workstation.health.probes import DiskLimits, read_clock, read_device, read_disk, read_link
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

NOON = Moment(utc=datetime(2026, 3, 2, 4, 0, tzinfo=UTC), monotonic_s=100.0)
OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "state", "judged", "code"),
    [
        (DeviceKind.READER, DeviceState.READY, OK, None),
        (DeviceKind.HEADSET, DeviceState.DEGRADED, WARN, ErrorCode.HEADSET_ABSENT),
        (DeviceKind.CAMERA, DeviceState.DEGRADED, WARN, None),
        (DeviceKind.HEADSET, DeviceState.ABSENT, BAD, ErrorCode.HEADSET_ABSENT),
        (DeviceKind.CAMERA, DeviceState.FAILED, BAD, ErrorCode.CAMERA_LOST),
        (DeviceKind.READER, DeviceState.ABSENT, BAD, ErrorCode.READER_ABSENT),
    ],
)
def test_device(kind: DeviceKind, state: DeviceState, judged: ReadingState, code: ErrorCode | None) -> None:
    reading = read_device(DeviceStatus(kind=kind, state=state), NOON)
    assert (reading.kind.value, reading.state, reading.code) == (kind.value, judged, code)


def test_a_muted_microphone_has_its_own_code() -> None:
    status = DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.DEGRADED, detail="muted by user")
    assert read_device(status, NOON).code is ErrorCode.MICROPHONE_SILENT


def test_a_ups_is_no_plain_device() -> None:
    with pytest.raises(ValueError, match="ups"):
        read_device(DeviceStatus(kind=DeviceKind.UPS, state=DeviceState.READY), NOON)


@pytest.mark.parametrize(
    ("limits", "state", "code"),
    [
        (DiskLimits(warn_free_bytes=0, bad_free_bytes=0), OK, None),
        (DiskLimits(warn_free_bytes=1 << 60, bad_free_bytes=0), WARN, ErrorCode.STORAGE_FULL),
        (DiskLimits(warn_free_bytes=1 << 60, bad_free_bytes=1 << 60), BAD, ErrorCode.STORAGE_FULL),
    ],
)
def test_disk(tmp_path: Path, limits: DiskLimits, state: ReadingState, code: ErrorCode | None) -> None:
    reading = read_disk(tmp_path, NOON, limits)
    assert (reading.state, reading.code) == (state, code)
    assert reading.values["free_bytes"] > 0


def test_a_disk_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    assert read_disk(tmp_path / "gone", NOON).state is UNKNOWN


@pytest.mark.parametrize(
    ("offset_s", "round_trip_s", "state"),
    [
        (0.0, 0.1, OK),
        (1.9, 0.1, OK),
        (-1.9, 0.1, OK),
        (2.1, 0.1, WARN),
        (-2.1, 0.1, WARN),
        (2.1, 0.4, OK),
        (3600, 10, WARN),
        (0, 4.1, UNKNOWN),
    ],
)
def test_clock(offset_s: float, round_trip_s: float, state: ReadingState) -> None:
    server_time = NOON.utc - timedelta(seconds=offset_s + round_trip_s / 2)
    reading = read_clock(server_time, round_trip_s=round_trip_s, at=NOON)
    assert reading.state is state
    assert reading.code == (ErrorCode.CLOCK_OFF if state is WARN else None)
    assert reading.values["offset_s"] == pytest.approx(offset_s, abs=1e-5)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4), st.floats(0, 1))
def test_a_right_clock_is_never_called_off(true_offset_s: float, round_trip_s: float, share: float) -> None:
    """Wherever within the round trip the server set its stamp."""
    server_time = NOON.utc - timedelta(seconds=true_offset_s + round_trip_s * share)
    reading = read_clock(server_time, round_trip_s=round_trip_s, at=NOON)
    if reading.code is ErrorCode.CLOCK_OFF:
        assert abs(true_offset_s) > 2 - 1e-5


def test_links() -> None:
    good = read_link(ReadingKind.SITE, NOON, code=None, round_trip_s=0.02)
    assert (good.state, good.values) == (OK, {"round_trip_ms": 20})
    bad = read_link(ReadingKind.MAIN_SITE, NOON, code=ErrorCode.MAIN_SITE_UNREACHABLE, detail="timed out")
    assert (bad.state, bad.values, bad.detail) == (BAD, {}, "timed out")


def test_a_reading_cannot_contradict_itself() -> None:
    with pytest.raises(ValueError, match="code"):
        Reading(kind=ReadingKind.DISK, state=OK, observed=NOON, code=ErrorCode.STORAGE_FULL)
    with pytest.raises(ValueError, match="finite"):
        Reading(kind=ReadingKind.DISK, state=OK, observed=NOON, values={"free_bytes": float("nan")})


def test_a_reading_goes_on_the_wire() -> None:
    reading = Reading(kind=ReadingKind.DISK, state=OK, observed=NOON, values={"free_bytes": 1.0}, detail="x" * 500)
    report = reading.report()
    assert (report.kind, report.state, report.observed_at) == (ReadingKind.DISK, OK, NOON.utc)
    assert report.values == {"free_bytes": 1.0}
    assert len(report.detail) == 200


@given(name=st.text(max_size=300), serial=st.text(max_size=300), detail=st.text(max_size=300))
def test_whatever_a_device_calls_itself_can_be_sent(name: str, serial: str, detail: str) -> None:
    """Lone surrogates too: names come in UTF-16 from USB and unchecked from sound servers."""
    status = DeviceStatus(
        kind=DeviceKind.READER, state=DeviceState.READY, name=name + "\ud800", serial=serial, detail=detail
    )
    report = read_device(status, NOON).report()
    assert report.device is not None
    assert report.model_dump_json().encode()
