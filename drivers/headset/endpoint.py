"""Which of the sound server's endpoints are the headset, and what that says about it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, HeadsetPair, SoundEndpoint

_WORN_FORMS = frozenset({"headset", "headphone", "handset"})
_ROOM_FORMS = frozenset({"speaker", "tv", "car", "hifi", "hands-free", "portable", "computer", "webcam"})
"""Values of PA_PROP_DEVICE_FORM_FACTOR (pulse/proplist.h). "internal" and "microphone" need a look at the port."""
_WORN_PORT = re.compile(r"head(set|phone)|handset", re.IGNORECASE)
_ROOM_PORT = re.compile(r"speaker|hdmi|displayport|iec958|spdif|line-?out|internal", re.IGNORECASE)
_WORN_NAME = re.compile(r"head(set|phone)|handset|ear(phone|bud|piece)|耳机|耳麦|头戴", re.IGNORECASE)
_ROOM_NAME = re.compile(
    r"speaker|hdmi|displayport|display audio|nvidia|s/?pdif|digital|line[ -]?(in|out)|internal|built-?in|array"
    r"|webcam|camera|扬声器|喇叭|音箱|显示器|数字|线路|内置|阵列|摄像头",
    re.IGNORECASE,
)
"""Names that Windows and makers give to endpoints, in English and Chinese."""


class Mute(Enum):
    """Who silenced an endpoint, as far as the sound server can tell."""

    NONE = ""
    HARDWARE = "muted by hardware"
    USER = "muted by user"
    VOLUME = "volume is 0"


class Wear(Enum):
    """Where an endpoint's sound goes to or comes from, as far as anybody says so."""

    WORN = "on the head"
    ROOM = "in the room"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One playback or capture endpoint.

    Attributes:
        serial: "vid:pid:serial" of its USB device, as much of it as is known; "" without.
        device: the same for both endpoints of one device, "" when unknown.
        is_null: the sound server's stand-in for "no device", which swallows sound.
        is_monitor: hears what is played, not the expert.
        is_plugged: false when the jack says that nothing is in it; true when it cannot tell.
    """

    name: str
    description: str
    serial: str = ""
    device: str = ""
    wear: Wear = Wear.UNKNOWN
    is_default: bool = False
    is_null: bool = False
    is_monitor: bool = False
    is_plugged: bool = True
    mute: Mute = Mute.NONE

    @property
    def public(self) -> SoundEndpoint:
        """What others are told of it."""
        return SoundEndpoint(name=self.name, description=self.description, serial=self.serial)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which headset, by expressions on names and descriptions; ``None`` where the site names nothing."""

    playback: re.Pattern[str] | None = None
    capture: re.Pattern[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The endpoints that were found. Both of a spare, or none of it."""

    playback: Endpoint | None
    capture: Endpoint | None
    is_spare: bool = False

    @property
    def pair(self) -> HeadsetPair | None:
        """The headset when it is whole."""
        if self.playback is None or self.capture is None:
            return None
        return HeadsetPair(playback=self.playback.public, capture=self.capture.public, is_spare=self.is_spare)


def choose(endpoints: Iterable[Endpoint], pattern: re.Pattern[str] | None) -> Endpoint | None:
    """Return the headset's endpoint, or ``None``.

    With a pattern it is the first plugged endpoint whose name or description contains a match, whatever it is: the
    site asked for it. Without one it is the default endpoint, unless that is a null device or sounds in the room;
    then it is the first that says of itself that it is worn. A monitor is never one.
    """
    usable = _usable(endpoints)
    if pattern is not None:
        return next((each for each in usable if _matches(each, pattern)), None)
    for each in usable:
        if each.is_default and not each.is_null and each.wear is not Wear.ROOM:
            return each
    return next((each for each in usable if each.wear is Wear.WORN), None)


def choose_pair(sinks: Iterable[Endpoint], sources: Iterable[Endpoint], wanted: Wanted, spare: Wanted) -> Chosen:
    """Return the wanted headset when it is whole, else a whole spare, else what there is of the wanted one.

    A spare is what the spare's expressions name; where they name nothing, any headset that says that it is one, its
    two halves of one device if possible.
    """
    sinks, sources = _usable(sinks), _usable(sources)
    first = Chosen(playback=choose(sinks, wanted.playback), capture=choose(sources, wanted.capture))
    if first.pair is not None:
        return first
    for playback in _spares(sinks, spare.playback):
        captures = sorted(_spares(sources, spare.capture), key=lambda each: each.device != playback.device)
        if captures:
            return Chosen(playback=playback, capture=captures[0], is_spare=True)
    return first


def headset_status(chosen: Chosen) -> DeviceStatus:
    """Judge the pair: READY with both sounding, DEGRADED with one or a mute, ABSENT with none."""
    playback, capture = chosen.playback, chosen.capture
    faults: list[str] = []
    for label, endpoint in (("playback", playback), ("capture", capture)):
        if endpoint is None:
            faults.append(f"no {label}")
        elif endpoint.mute is not Mute.NONE:
            faults.append(f"{label} {endpoint.mute.value}")
    found = playback or capture
    state = DeviceState.ABSENT if found is None else DeviceState.DEGRADED if faults else DeviceState.READY
    if chosen.is_spare:
        faults.append("spare")
    return DeviceStatus(
        kind=DeviceKind.HEADSET,
        state=state,
        name=found.description if found else "",
        detail=", ".join(faults),
        serial=found.serial if found else "",
    )


def wear_of(properties: Mapping[str, str], port: str) -> Wear:
    """Return where a device sounds, by what the sound server knows of it.

    Built-in sound (bus "pci", or form "internal") is the room's until its port says otherwise: a booth's neighbour
    must not hear. PulseAudio spells keys with underscores, PipeWire with hyphens.

    Args:
        properties: the endpoint's property list.
        port: name and description of the port in use, "" without ports.
    """
    form = _property(properties, "device.form_factor").lower()
    if _WORN_PORT.search(port) or form in _WORN_FORMS:
        return Wear.WORN
    if form in _ROOM_FORMS or _ROOM_PORT.search(port):
        return Wear.ROOM
    is_built_in = form == "internal" or _property(properties, "device.bus") == "pci"
    # A jack for a microphone hears what is plugged into it; an unnamed built-in output is most likely a loudspeaker.
    return Wear.ROOM if is_built_in and "mic" not in port.lower() else Wear.UNKNOWN


def wear_named(name: str) -> Wear:
    """Return where an endpoint sounds, by its name, where a sound system tells nothing else."""
    if _WORN_NAME.search(name):
        return Wear.WORN
    return Wear.ROOM if _ROOM_NAME.search(name) else Wear.UNKNOWN


def serial_of(properties: Mapping[str, str]) -> str:
    """Return "vid:pid:serial" of a USB device, "" for anything else."""
    if _property(properties, "device.bus") != "usb":
        return ""
    vendor, product = (
        _property(properties, f"device.{key}.id").lower().removeprefix("0x") for key in ("vendor", "product")
    )
    return f"{vendor}:{product}:{_property(properties, 'device.serial')}".strip(":")


def device_of(properties: Mapping[str, str]) -> str:
    """Return what both endpoints of one device have in common, "" when nobody knows."""
    return _property(properties, "device.bus_path") or _property(properties, "alsa.card")


def _property(properties: Mapping[str, str], key: str) -> str:
    return properties.get(key) or properties.get(key.replace("_", "-")) or ""


def _usable(endpoints: Iterable[Endpoint]) -> Sequence[Endpoint]:
    return [each for each in endpoints if each.is_plugged and not each.is_monitor]


def _matches(endpoint: Endpoint, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.search(endpoint.name) or pattern.search(endpoint.description))


def _spares(endpoints: Iterable[Endpoint], pattern: re.Pattern[str] | None) -> Iterator[Endpoint]:
    for each in endpoints:
        if (each.wear is Wear.WORN) if pattern is None else _matches(each, pattern):
            yield each
