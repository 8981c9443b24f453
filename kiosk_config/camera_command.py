"""``kiosk-config camera …``: which cameras there are, and which one the kiosk would take in which mode."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from drivers.camera.modes import choose_mode
from drivers.camera.v4l2 import CameraSeen, VideoNodes

from .idcard_command import DEFAULT_FILE, configuration
from .loader import ConfigError
from .model_devices import Camera


class CameraLine(BaseModel):
    """One camera. ``source`` goes into [camera] of the configuration; ``taken_mode`` is set on the one it takes."""

    source: str
    node: str
    name: str
    bus: str
    problem: str = ""
    modes: list[str]
    taken_mode: str = ""


class CameraReport(BaseModel):
    """What was found. ``problem`` says why the kiosk would have no camera, "" when it has one."""

    cameras: list[CameraLine]
    problem: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    commands = parser.add_subparsers(dest="camera", required=True)
    listing = commands.add_parser("list", help="list the cameras; starts none of them")
    listing.add_argument(
        "--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE} if it exists)"
    )
    listing.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(options: argparse.Namespace) -> int:
    """List; 0 the kiosk would have a camera, 1 not."""
    if sys.platform != "linux":
        print("cameras can be listed on Linux only", file=sys.stderr)
        return 1
    try:
        config = configuration(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    report = survey(config.camera, VideoNodes())
    print(report.model_dump_json(indent=2) if options.json else "\n".join(_lines(report)))
    return 1 if report.problem else 0


def survey(camera: Camera, nodes: VideoNodes) -> CameraReport:
    """Return the cameras of this machine as the kiosk sees them."""
    taken = nodes.node(int(camera.source) if camera.source.isdecimal() else camera.source) if _is_real(camera) else None
    lines = [_line(each, camera, is_taken=each.node == taken and each.is_colour) for each in nodes.cameras()]
    return CameraReport(cameras=lines, problem=_problem(camera, lines))


def _line(seen: CameraSeen, camera: Camera, *, is_taken: bool) -> CameraLine:
    mode = choose_mode(seen.modes, camera.width, camera.height, camera.fps) if is_taken else None
    return CameraLine(
        source=str(seen.path),
        node=str(seen.node),
        name=seen.name,
        bus=seen.bus,
        problem=seen.problem or ("" if seen.is_colour else "gives no colour pictures"),
        modes=[str(each) for each in seen.modes],
        taken_mode=str(mode or ""),
    )


def _problem(camera: Camera, lines: list[CameraLine]) -> str:
    if not _is_real(camera):
        return "The configuration uses no real camera, but a simulated one or a file."
    if any(line.taken_mode for line in lines):
        return ""
    if not lines:
        return "No camera is connected."
    wanted = f"camera.source = {camera.source!r}" if camera.source else "an empty camera.source"
    return f"None of these cameras can be used with {wanted}."


def _is_real(camera: Camera) -> bool:
    return camera.driver == "opencv" and (
        camera.source == "" or camera.source.isdecimal() or camera.source.startswith("/dev/")
    )


def _lines(report: CameraReport) -> Iterator[str]:
    for line in report.cameras:
        yield f"{line.source}"
        facts = {
            "node": line.node,
            "name": line.name,
            "plugged in at": line.bus,
            "problem": line.problem,
            "modes": ", ".join(line.modes),
            "the kiosk takes it as": line.taken_mode,
        }
        yield from (f"  {key}: {value}" for key, value in facts.items() if value)
        yield ""
    if report.problem:
        yield report.problem
