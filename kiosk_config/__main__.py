"""``kiosk-config``: the administrator's and IT's tool for configuration files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from . import camera_command, headset_command, idcard_command, pack_command, ups_command
from .loader import ConfigError, load
from .reference import settings_markdown

_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "idcard": idcard_command.run,
    "camera": camera_command.run,
    "headset": headset_command.run,
    "ups": ups_command.run,
    "pack": pack_command.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the tool; 0 good, 1 the configuration has problems, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="kiosk-config", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="say everything that is wrong with a configuration file")
    check.add_argument("file", type=Path)
    commands.add_parser("settings", help="print the settings reference (Markdown)")
    idcard = commands.add_parser("idcard", help="find out about the ID card reader")
    idcard_command.add_arguments(idcard)
    camera = commands.add_parser("camera", help="find out about the camera")
    camera_command.add_arguments(camera)
    headset = commands.add_parser("headset", help="test the headset")
    headset_command.add_arguments(headset)
    ups = commands.add_parser("ups", help="find out about the UPSes")
    ups_command.add_arguments(ups)
    pack = commands.add_parser("pack", help="make, sign, show and install main-site environment packs (主场环境包)")
    pack_command.add_arguments(pack)
    options = parser.parse_args(arguments)
    if options.command == "settings":
        print(settings_markdown(), end="")
        return 0
    if options.command in _COMMANDS:
        return _COMMANDS[options.command](options)
    try:
        config = load(options.file)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(f"{len(error.problems)} problem(s)", file=sys.stderr)
        return 1
    print(f"{options.file}: good ({config.mode}, booth {config.place.booth_id})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
