"""``kiosk-config idcard …`` on the command line: what to type, and how the findings are printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tomli_w

from .loader import ConfigError, load
from .model import BoothConfig

if TYPE_CHECKING:
    from .idcard_probe import ProbeReport, Way

DEFAULT_FILE: Final = Path("/etc/evaluation-workstation/booth.toml")
_NO_BOOTH: Final = {"schema_version": 1, "place": {"booth_id": "probe"}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    commands = parser.add_subparsers(dest="idcard", required=True)
    probe = commands.add_parser("probe", help="try every way to a reader, read one card, store nothing")
    probe.add_argument("--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE} if it exists)")
    probe.add_argument(
        "--serial-port",
        action="append",
        default=[],
        metavar="PORT",
        help="also try this serial port; others are listed and never written to",
    )
    probe.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for a card; 0: readers only")
    probe.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(options: argparse.Namespace) -> int:
    """Probe; 0 a card was read (or, with no card asked for, a reader answered), 1 not, 130 interrupted."""
    try:
        config = configuration(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    # Here, so that the tool's other commands work on machines without the readers' libraries.
    from .idcard_probe import probe  # noqa: PLC0415

    try:
        report = probe(
            config,
            ports=options.serial_port,
            card_timeout_s=options.timeout,
            ask=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        )
    except KeyboardInterrupt:
        return 130
    print(report.model_dump_json(indent=2) if options.json else "\n".join(_lines(report)))
    answered = any(way.opened_ms is not None for way in report.ways)
    return 0 if report.card is not None or (options.timeout <= 0 and answered) else 1


def configuration(path: Path | None) -> BoothConfig:
    """Return the configuration: of ``path``, of the installed booth, or the defaults where there is none."""
    if path is None and not DEFAULT_FILE.exists():
        return BoothConfig.model_validate(_NO_BOOTH)
    return load(path or DEFAULT_FILE)


def _lines(report: ProbeReport) -> Iterator[str]:
    yield f"PC/SC readers: {', '.join(report.pcsc_readers) or report.pcsc_problem or 'none'}"
    yield f"Serial ports:  {', '.join(report.serial_ports) or 'none'}"
    yield f"USB readers:   {', '.join(report.usb_devices) or 'none'}"
    for way in report.ways:
        yield ""
        yield from _way_lines(way)
    yield ""
    if report.card is None:
        yield f"Card: {report.card_problem or 'not asked for'}"
        return
    for key, value in report.card.model_dump().items():
        yield f"{key.replace('_', ' ')}: {value}"
    if report.used is not None:
        yield ""
        yield "Read this way; the lines for the configuration:"
        yield tomli_w.dumps({"reader": report.used.settings})


def _way_lines(way: Way) -> Iterator[str]:
    targets = (way.settings.get(key) for key in ("name_pattern", "serial", "usb"))
    target = next((str(target) for target in targets if target), "as configured")
    yield f"{way.settings['driver']} ({target}): {way.state}"
    facts = {"name": way.name, "SAM": way.sam_id, "firmware": way.firmware, "detail": way.detail}
    if way.opened_ms is not None:
        facts["answered after"] = f"{way.opened_ms} ms"
    yield from (f"  {key}: {value}" for key, value in facts.items() if value)
