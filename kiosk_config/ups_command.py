"""``kiosk-config ups …``: which UPSes are there, how is each, and what does its battery still carry? For IT."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from .idcard_command import DEFAULT_FILE, configuration
from .loader import ConfigError

if TYPE_CHECKING:
    from drivers.contracts import Supply, UpsReading
    from workstation.health.supply import UpsSeen

_TIMEOUT_S = 5.0
_NO_TEST = 2

_REFUSALS = {
    "unknown-ups": "no [[ups]] of this id is configured",
    "visit": "somebody sits in the booth",
    "running": "a test runs already",
    "silent": "the UPS does not answer",
    "no-mains": "it is on battery, or about to be switched off",
    "charge": "its battery is below 90 %, or it does not say how full it is",
    "device": "the UPS or its server refused",
}

_WHY = {
    "ECONNREFUSED": "nobody listens there: is the server started, are host and port right?",
    "EHOSTUNREACH": "there is no way to that host",
    "timed out": "no answer: wrong host, a firewall, or (SNMPv2c) a community that it does not know",
    "host name not found": "the name cannot be resolved",
    "ACCESS-DENIED": "upsd does not know this username with this password (upsd.users), or not from this address",
    "UNKNOWN-UPS": 'upsd has no UPS of this name; "kiosk-config ups list HOST" shows those it has',
    "DATA-STALE": "upsd lost the UPS: look at the cable and the driver's log",
    "DRIVER-NOT-CONNECTED": "the driver of this UPS does not run (upsdrvctl start)",
    "FEATURE-NOT-CONFIGURED": "upsd has no certificate (CERTFILE or CERTPATH in upsd.conf), and ca_file demands TLS",
    "COMMLOST": "apcupsd lost the UPS: look at the cable",
    "WrongDigest": "the SNMPv3 authentication passphrase (auth_file) or its method (auth) is wrong",
    "UnknownUserName": "the card has no SNMPv3 user of this name",
    "DecryptionError": "the SNMPv3 privacy passphrase (privacy_file) or its method (privacy) is wrong",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    commands = parser.add_subparsers(dest="ups", required=True)
    listing = commands.add_parser("list", help="try each configured UPS; with HOST, list those of a upsd")
    listing.add_argument("host", nargs="?", metavar="HOST", help="a upsd, HOST or HOST:PORT")
    listing.add_argument(
        "--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE} if it exists)"
    )
    test = commands.add_parser("test", help="test the battery of a UPS, at most half an hour; ends at 70 %% of charge")
    test.add_argument("id", help="the UPS's id in the configuration")
    test.add_argument("--config", type=Path, help="as above; the kiosk of this booth must not run")
    test.add_argument("--site", help="have a running kiosk do it: the site server's base URL; http only for loopback")
    test.add_argument("--booth", metavar="ID", help="with --site: which booth")
    test.add_argument("--token-file", type=Path, help="with --site: file with the administrator's token")
    test.add_argument("--ca-file", type=Path, help="with --site: PEM file with the site's certificate authority")


def run(options: argparse.Namespace) -> int:
    """List: 0 every UPS says how it is (or the upsd has one), 1 not. Test: 0 passed or ordered, 1 not, 2 no test."""
    if options.ups == "test":
        return _order(options) if options.site is not None else _test(options)
    if options.host is not None:
        return _list_server(options.host)
    try:
        config = configuration(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if not config.ups:
        print("no [[ups]] is configured: the booth shows 未接入监测", file=sys.stderr)
        return 1
    # numpy and OpenCV are loaded for this command only.
    from workstation.devices import make_supplies  # noqa: PLC0415

    results = [_try(supply) for supply in make_supplies(config)]
    return 0 if all(results) else 1


def _test(options: argparse.Namespace) -> int:
    try:
        config = configuration(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return _NO_TEST
    from workstation.battery_tool import run_battery_test  # noqa: PLC0415 - as above

    found = run_battery_test(config, options.id, lambda seen: print(_progress(seen), flush=True))
    if isinstance(found, tuple):
        why, detail = found
        print(f"no test: {_REFUSALS[why.value]}{f': {explained(detail)}' if detail else ''}", file=sys.stderr)
        return _NO_TEST
    print("\n".join(f"{name}: {value}" for name, value in found.facts().items()))
    return 0 if found.result.value == "passed" else 1


def _progress(seen: UpsSeen) -> str:
    reading = seen.reading
    charge, load = reading.battery_charge_percent, reading.load_percent
    figures = [f"{charge:g} %" if charge is not None else "", f"load {load:g} %" if load is not None else ""]
    return "  ".join([f"{seen.at.utc.astimezone():%H:%M:%S}", _state(reading), *filter(None, figures)])


def _order(options: argparse.Namespace) -> int:
    from drivers.errors import KioskError  # noqa: PLC0415 - as above
    from workstation.site.admin_client import AdminCallError, AdminClient  # noqa: PLC0415

    if options.booth is None or options.token_file is None:
        print("--site needs --booth and --token-file", file=sys.stderr)
        return _NO_TEST
    try:
        token = options.token_file.read_text(encoding="ascii").strip()
        with closing(AdminClient(options.site, token, ca_file=options.ca_file and str(options.ca_file))) as client:
            client.order_battery_test(options.booth, options.id)
    except (OSError, UnicodeDecodeError, KioskError, AdminCallError) as error:
        print(error, file=sys.stderr)
        return _NO_TEST
    print(f"{options.booth}: asked; battery_tested or battery_test_refused in its journal says how it went")
    return 0


def _list_server(text: str) -> int:
    from drivers.ups.nut import PORT, list_upses  # noqa: PLC0415 - as above

    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        host, port = text, str(PORT)
    try:
        found = list_upses(host, int(port), timeout_s=_TIMEOUT_S)
    except OSError as error:
        print(f"{text}: {explained(str(error))}", file=sys.stderr)
        return 1
    for name, description in found.items():
        print(f"{name}: {description}")
    if not found:
        print(f"{text}: upsd has no UPS (ups.conf)", file=sys.stderr)
    return 0 if found else 1


def _try(supply: Supply) -> bool:
    with closing(supply.ups) as ups:
        reading = ups.poll(timeout_s=_TIMEOUT_S)
    print(f"{supply.id} (feeds {', '.join(sorted(supply.feeds))}): {_state(reading)}")
    for line in _figures(reading):
        print(f"  {line}")
    return reading.flags is not None


def _state(reading: UpsReading) -> str:
    if reading.flags is None:
        return f"unknown: {explained(reading.detail)}"
    return " ".join(flag.name or "" for flag in reading.flags)


def _figures(reading: UpsReading) -> Iterator[str]:
    runtime = None if reading.runtime_s is None else reading.runtime_s / 60
    figures = (
        ("battery charge", reading.battery_charge_percent, "%"),
        ("called low at", reading.battery_low_percent, "%"),
        ("runtime by its own estimate", runtime, "min"),
        ("load", reading.load_percent, "%"),
        ("power", reading.power_w, "W"),
        ("nominal power", reading.nominal_power_w, "W"),
        ("input voltage", reading.input_voltage_v, "V"),
        ("battery voltage", reading.battery_voltage_v, "V"),
        ("temperature", reading.temperature_celsius, "°C"),
    )
    texts = (("model", reading.model), ("serial number", reading.serial), ("last battery test", reading.test_result))
    yield from (f"{name}: {text}" for name, text in texts if text)
    yield from (f"{name}: {value:g} {unit}" for name, value, unit in figures if value is not None)
    missing = [name for name, value, _ in figures[:1] + figures[2:4] if value is None]
    if reading.flags is not None and missing:
        yield f"not told by this UPS: {', '.join(missing)}; the forecast gets rough or is missing"


def explained(detail: str) -> str:
    """Return a driver's word for what failed, with what to do about it where that is known."""
    why = _WHY.get(detail)
    if why is None and detail.endswith(": ENOENT"):
        why = "the file is not there"
    if why is None and detail.endswith(": EACCES"):
        why = "the file cannot be read by this user; the kiosk reads it as user kiosk"
    if why is None and detail.startswith("TLS: "):
        why = "the certificate is not of the authority in ca_file, or not for this host name"
    if why is None and detail.startswith("protocol: "):
        why = "something else than expected listens on that port"
    return f"{detail} ({why})" if why else detail
