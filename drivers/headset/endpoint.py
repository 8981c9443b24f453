"""Which of the sound server's endpoints are the headset, and what that says about it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus


class Mute(Enum):
    """Who silenced an endpoint, as far as the sound server can tell."""

    NONE = ""
    HARDWARE = "muted by hardware"
    USER = "muted by user"
    VOLUME = "volume is 0"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One playback or capture endpoint.

    Attributes:
        is_null: the sound server's stand-in for "no device", which swallows sound.
        is_monitor: hears what is played, not the expert.
        is_plugged: false when the jack says that nothing is in it; true when it cannot tell.
    """

    name: str
    description: str
    is_default: bool = False
    is_null: bool = False
    is_monitor: bool = False
    is_plugged: bool = True
    mute: Mute = Mute.NONE


def choose(endpoints: Iterable[Endpoint], pattern: re.Pattern[str] | None) -> Endpoint | None:
    """Return the headset's endpoint, or ``None``.

    With a pattern it is the first plugged endpoint whose name or description contains a match, null or not: the site
    asked for it. Without one it is the default endpoint, unless that is a null device. A monitor is never one.
    """
    for endpoint in endpoints:
        if endpoint.is_monitor or not endpoint.is_plugged:
            continue
        if pattern is None:
            is_headset = endpoint.is_default and not endpoint.is_null
        else:
            is_headset = bool(pattern.search(endpoint.name) or pattern.search(endpoint.description))
        if is_headset:
            return endpoint
    return None


def headset_status(playback: Endpoint | None, capture: Endpoint | None) -> DeviceStatus:
    """Judge the pair: READY with both sounding, DEGRADED with one or a mute, ABSENT with none."""
    faults: list[str] = []
    for label, endpoint in (("playback", playback), ("capture", capture)):
        if endpoint is None:
            faults.append(f"no {label}")
        elif endpoint.mute is not Mute.NONE:
            faults.append(f"{label} {endpoint.mute.value}")
    found = playback or capture
    detail = ", ".join(faults)
    if found is None:
        return DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.ABSENT, detail=detail)
    state = DeviceState.DEGRADED if faults else DeviceState.READY
    return DeviceStatus(kind=DeviceKind.HEADSET, state=state, name=found.description, detail=detail)
