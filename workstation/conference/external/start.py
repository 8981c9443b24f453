"""How a client is started: the pack's words filled in with what the project's roster says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from kiosk_config.pack.model import ExternalClient
from kiosk_config.pack.sense import PLACEHOLDER
from workstation.environment import allowed

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_QUOTING = re.compile(r"[\"'\\\[\]<>]")
"""What could end a value in the settings of some client: such a value goes into no file as it is."""

_OURS_ALONE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM", "PWD"})
"""With these a client could speak for the kiosk to the service manager."""

PATH = "/usr/bin:/bin"


class UnfitValueError(Exception):
    """A value of the roster cannot be given to this client. The message says which, never the value."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What an expert joins with.

    Attributes:
        alias: the name that the others see.
        meeting: number or name of the meeting.
    """

    alias: str
    meeting: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is to be run. Command, environment and files may hold the password."""

    command: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[Path, str] = field(repr=False)
    folders: tuple[Path, ...] = ()


def prepare(client: ExternalClient, invitation: Invitation, environ: Mapping[str, str], home: Path) -> Start:
    """Return how to start ``client``.

    Args:
        client: of the pack.
        invitation: what the expert joins with.
        environ: the kiosk's own environment; what may stay of it, stays.
        home: the client's home folder, which is wiped afterwards.

    Raises:
        UnfitValueError: alias, meeting or password would be read as something else than a value.
    """
    values = {
        "alias": invitation.alias,
        "meeting": invitation.meeting,
        "password": invitation.password,
        "server": client.server,
    }
    for name, value in values.items():
        if _CONTROL.search(value):
            raise UnfitValueError(name)
    environment = _environment(environ, home)
    if client.password_by == "environment":  # noqa: S105 - the way of it
        environment[client.password_variable] = invitation.password
    return Start(
        command=(client.command[0], *(_argument(word, values) for word in client.command[1:])),
        environment=environment,
        files={home / file.path: _text(file.text, values) for file in client.files},
        folders=(home / "runtime", home / "tmp"),
    )


def _argument(word: str, values: Mapping[str, str]) -> str:
    filled, first = _filled(word, values), PLACEHOLDER.match(word)
    if first is not None and filled.startswith("-"):
        raise UnfitValueError(first["name"])  # it would be an option of the program
    return filled


def _text(text: str, values: Mapping[str, str]) -> str:
    for match in PLACEHOLDER.finditer(text):
        if match["url"] is None and _QUOTING.search(values[match["name"]]):
            raise UnfitValueError(match["name"])
    return _filled(text, values)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in every placeholder once: what a value looks like is not looked at again."""
    return PLACEHOLDER.sub(
        lambda match: quote(values[match["name"]], safe="") if match["url"] else values[match["name"]], text
    )


def _environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    kept = {name: value for name, value in allowed(environ).items() if name not in _OURS_ALONE}
    # The sound server is found by paths that the client's own folders would hide.
    runtime, before = kept.get("XDG_RUNTIME_DIR"), kept.get("HOME")
    if runtime and "PULSE_SERVER" not in kept:
        kept["PULSE_SERVER"] = f"unix:{runtime}/pulse/native"
    if before and "PULSE_COOKIE" not in kept:
        kept["PULSE_COOKIE"] = f"{before}/.config/pulse/cookie"
    if runtime and "DBUS_SESSION_BUS_ADDRESS" not in kept:
        kept["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/bus"
    if before and "XAUTHORITY" not in kept:
        kept["XAUTHORITY"] = f"{before}/.Xauthority"
    return kept | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "runtime"),
        "TMPDIR": str(home / "tmp"),
        "PATH": PATH,
    }
