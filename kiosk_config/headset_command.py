"""``kiosk-config headset …``: is the headset good that lies in the booth? For the morning, before the experts come."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from .idcard_command import DEFAULT_FILE, configuration
from .loader import ConfigError

if TYPE_CHECKING:
    from drivers.contracts import Headset
    from workstation.headset.contract import Result

_WHY = {
    "plug": "no whole headset is plugged in, or the sound server does not answer",
    "mute-switch": "the microphone is silent to the last bit: look at the mute switch on the cable",
    "hum": "the microphone hums with the mains: try another socket, or another headset",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    commands = parser.add_subparsers(dest="headset", required=True)
    test = commands.add_parser("test", help="play a tone and listen; lay an ear cup at the microphone before")
    test.add_argument("--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE} if it exists)")


def run(options: argparse.Namespace) -> int:
    """Test; 0 good, 1 not."""
    try:
        config = configuration(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if config.headset.driver == "simulated":
        print("the configuration uses no real headset, but a simulated one", file=sys.stderr)
        return 1
    # numpy, OpenCV and PortAudio are loaded for this command only.
    from workstation.devices import make_headset  # noqa: PLC0415

    with closing(make_headset(config)) as headset:
        result, name = examine(headset)
    print(f"{name or 'headset'}: {_words(result)}")
    return 0 if result.code is None else 1


def examine(headset: Headset) -> tuple[Result, str]:
    """Take the headset, test it, give it back; return the result and the headset's name."""
    from drivers.errors import DeviceError  # noqa: PLC0415 - as above
    from workstation.headset.contract import Result, Suggestion  # noqa: PLC0415
    from workstation.headset.unattended import run_unattended  # noqa: PLC0415

    try:
        pair = headset.take()
    except DeviceError as error:
        return Result(code=error.code, suggestion=Suggestion.PLUG), ""
    try:
        return run_unattended(pair), pair.playback.description
    finally:
        headset.give_back()


def _words(result: Result) -> str:
    if result.code is not None:
        return f"failed, {result.code}: {_WHY[result.suggestion]}"
    if result.is_looped:
        return "good: the microphone heard the tone of the ear cups"
    return "the microphone works; the ear cups were not tested, because it did not hear the tone"
