"""Turns what devices, disk and servers say into readings. Blocks for nothing but the disk's own statistics."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus
from drivers.errors import ErrorCode
from workstation.health.readings import Moment, Reading
from workstation.site.readings import DeviceIdentity, ReadingKind, ReadingState

CLOCK_LIMIT_S = 2.0
"""Clock offset above which E-606 is raised, seconds."""

_DEVICE_CODES = {
    DeviceKind.READER: ErrorCode.READER_ABSENT,
    DeviceKind.CAMERA: ErrorCode.CAMERA_LOST,
    DeviceKind.HEADSET: ErrorCode.HEADSET_ABSENT,
}
_DEVICE_STATES = {
    DeviceState.READY: ReadingState.OK,
    DeviceState.DEGRADED: ReadingState.WARN,
    DeviceState.ABSENT: ReadingState.BAD,
    DeviceState.FAILED: ReadingState.BAD,
}


@dataclass(frozen=True, kw_only=True)
class DiskLimits:
    """Free space in bytes below which a disk is nearly full (WARN) and unusable for new sessions (BAD)."""

    warn_free_bytes: int = 2 << 30
    bad_free_bytes: int = 512 << 20


def read_device(status: DeviceStatus, at: Moment) -> Reading:
    """Judge the state of a reader, camera or headset. A headset half plugged or muted is a WARN with its code.

    Raises:
        ValueError: the status is of a UPS, which has readings of its own (``supply.read_ups``).
    """
    code = _DEVICE_CODES.get(status.kind)
    if code is None:
        raise ValueError(f"no device reading for {status.kind}")
    state = _DEVICE_STATES[status.state]
    if status.kind is DeviceKind.HEADSET and state is ReadingState.WARN:
        code = ErrorCode.MICROPHONE_SILENT if "muted" in status.detail else ErrorCode.HEADSET_ABSENT
    elif state is not ReadingState.BAD:
        code = None
    elif status.code is not None:
        code = status.code
    return Reading(
        kind=ReadingKind(status.kind.value),
        state=state,
        observed=at,
        code=code,
        detail=_encodable(status.detail or status.name),
        device=_identity(status),
    )


def _identity(status: DeviceStatus) -> DeviceIdentity | None:
    name, serial, firmware = map(_encodable, (status.name, status.serial, status.firmware))
    if not (name or serial or firmware):
        return None
    return DeviceIdentity(name=name[:200], serial=serial[:100], firmware=firmware[:100])


def _encodable(text: str) -> str:
    """Devices name themselves, in UTF-16 over USB: half a surrogate pair could not be sent to anybody."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_disk(path: Path, at: Moment, limits: DiskLimits | None = None) -> Reading:
    """Judge the free space of the file system that holds ``path``, and whether it can be written at all.

    UNKNOWN when it cannot be asked. Linux mounts a disk read-only when it makes errors: no event reaches it then.
    """
    limits = limits or DiskLimits()
    try:
        usage, read_only = psutil.disk_usage(str(path)), _is_read_only(path)
    except OSError as error:
        return Reading(kind=ReadingKind.DISK, state=ReadingState.UNKNOWN, observed=at, detail=type(error).__name__)
    free_bytes = usage.free
    if read_only or free_bytes < limits.bad_free_bytes:
        state = ReadingState.BAD
    elif free_bytes < limits.warn_free_bytes:
        state = ReadingState.WARN
    else:
        state = ReadingState.OK
    return Reading(
        kind=ReadingKind.DISK,
        state=state,
        observed=at,
        values={"free_bytes": float(free_bytes), "used_percent": float(usage.percent)},
        code=None if state is ReadingState.OK else ErrorCode.STORAGE_FULL,
        detail="read-only" if read_only else "",
    )


def _is_read_only(path: Path) -> bool:
    ask = getattr(os, "statvfs", None)  # not on Windows, which mounts nothing so
    return ask is not None and bool(ask(path).f_flag & os.ST_RDONLY)


def read_clock(server_time: datetime, *, round_trip_s: float, at: Moment, limit_s: float = CLOCK_LIMIT_S) -> Reading:
    """Compare this clock with a server's.

    The server's stamp was set somewhere within the round trip, so the offset is known to half of it. Only an offset
    beyond the limit by more than that is called off; a round trip too long to tell gives UNKNOWN.

    Args:
        server_time: aware; when the server answered, by its clock.
        round_trip_s: seconds from asking to the answer.
        at: when the answer came, by this clock.
        limit_s: offset to call off, seconds.
    """
    uncertainty_s = round_trip_s / 2
    offset_s = (at.utc - server_time).total_seconds() - uncertainty_s
    if abs(offset_s) - uncertainty_s > limit_s:
        state, code = ReadingState.WARN, ErrorCode.CLOCK_OFF
    elif uncertainty_s <= limit_s:
        state, code = ReadingState.OK, None
    else:
        state, code = ReadingState.UNKNOWN, None
    return Reading(
        kind=ReadingKind.CLOCK,
        state=state,
        observed=at,
        values={"offset_s": offset_s, "uncertainty_s": uncertainty_s},
        code=code,
    )


def read_link(
    kind: ReadingKind, at: Moment, *, code: ErrorCode | None, round_trip_s: float | None = None, detail: str = ""
) -> Reading:
    """Judge a link to the site server or the main site: ``code`` says why it failed, ``None`` that it answered."""
    return Reading(
        kind=kind,
        state=ReadingState.OK if code is None else ReadingState.BAD,
        observed=at,
        values={} if round_trip_s is None else {"round_trip_ms": 1000 * round_trip_s},
        code=code,
        detail=detail,
    )
