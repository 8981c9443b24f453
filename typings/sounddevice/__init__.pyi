# The part of sounddevice 0.5 that the workstation uses; the package has no types of its own.

from collections.abc import Callable
from typing import TypedDict, overload

class PortAudioError(Exception): ...

class _Device(TypedDict):
    index: int
    name: str
    hostapi: int
    max_input_channels: int
    max_output_channels: int

class _HostApi(TypedDict):
    name: str
    default_input_device: int
    default_output_device: int

class _Default:
    # -1 when there is none.
    hostapi: int

default: _Default

class RawStream:
    # One direction has one latency in seconds; only a stream of both has two.
    latency: float
    def __init__(
        self,
        *,
        samplerate: float,
        blocksize: int,
        device: int,
        channels: int,
        dtype: str,
        latency: float,
        callback: Callable[..., None],
    ) -> None: ...
    def start(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...

class RawInputStream(RawStream): ...
class RawOutputStream(RawStream): ...

def query_devices() -> list[_Device]: ...
@overload
def query_hostapis(index: int) -> _HostApi: ...
@overload
def query_hostapis() -> tuple[_HostApi, ...]: ...
def _terminate() -> None: ...
def _initialize() -> None: ...
