# The part of sounddevice 0.5 that the workstation uses; the package has no types of its own.

from collections.abc import Callable
from typing import TypedDict

class PortAudioError(Exception): ...

class _Device(TypedDict):
    index: int
    name: str
    hostapi: int
    max_input_channels: int
    max_output_channels: int

class _HostApi(TypedDict):
    name: str

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
        latency: str,
        callback: Callable[..., None],
    ) -> None: ...
    def start(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...

class RawInputStream(RawStream): ...
class RawOutputStream(RawStream): ...

def query_devices() -> list[_Device]: ...
def query_hostapis(index: int) -> _HostApi: ...
def _terminate() -> None: ...
def _initialize() -> None: ...
