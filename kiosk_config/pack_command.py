"""``kiosk-config pack …`` on the command line: make a key, write, check, sign, show and install packs."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from .idcard_command import DEFAULT_FILE
from .loader import load
from .pack.durable import write_durably
from .pack.key_file import KeyFileError, make_key_file, read_key_file
from .pack.keys import key_id, key_text
from .pack.refusal import PackRefusedError
from .pack.signing import (
    MAX_BYTES,
    Ed25519Signer,
    Ed25519Verifier,
    read_pack,
    sign_pack,
    signing_key_id,
    unverified_pack,
)
from .pack.source import load_source
from .pack.store import FOLDER_NAME, PackStore
from .pack.template import template
from .pack.words import lines
from .problems import ConfigError


class _RefusedError(Exception):
    """Nothing was done; the text says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the sub-commands."""
    commands = parser.add_subparsers(dest="pack", required=True)
    keygen = commands.add_parser("keygen", help="make a key that signs packs; print what the booths have to trust")
    keygen.add_argument("file", type=Path, help="where the private key goes; must not exist")
    keygen.add_argument("--passphrase", action="store_true", help="ask for a passphrase that protects the key")
    new = commands.add_parser("new", help="write a pack's description to fill in (TOML, 中文说明)")
    new.add_argument("file", type=Path, help="must not exist")
    new.add_argument("--id", required=True, help="the main site's id, such as henan-zhengzhou")
    new.add_argument("--name", required=True, help="the main site's name")
    new.add_argument("--origin", required=True, help="its address: https://host[:port]")
    check = commands.add_parser("check", help="say everything that is wrong with a pack's description")
    check.add_argument("file", type=Path)
    sign = commands.add_parser("sign", help="make a signed pack of a description")
    sign.add_argument("file", type=Path)
    sign.add_argument("--key", type=Path, required=True, help="the private key's file")
    sign.add_argument("--out", type=Path, help="default: beside the description, ending in .pack")
    show = commands.add_parser("show", help="say in words what a pack allows and whether its signature holds")
    show.add_argument("file", type=Path)
    show.add_argument("--keys", nargs="+", metavar="KEY", help="trusted keys (default: the booth configuration's)")
    install = commands.add_parser("install", help="put a signed pack on this booth")
    install.add_argument("file", type=Path)
    for command in (show, install):
        command.add_argument("--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE})")


def run(options: argparse.Namespace) -> int:
    """Run a sub-command; 0 good, 1 there is a problem, 130 interrupted."""
    try:
        return _COMMANDS[options.pack](options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(f"{len(error.problems)} problem(s)", file=sys.stderr)
    except (KeyFileError, _RefusedError) as error:
        print(error, file=sys.stderr)
    except PackRefusedError as error:
        print(f"{options.file}: refused, {error.refusal}: {error.detail}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _keygen(options: argparse.Namespace) -> int:
    key = make_key_file(options.file, _new_passphrase() if options.passphrase else "").public_key()
    print(f"{options.file}: private key; keep it away from booths, with a copy in a safe place", file=sys.stderr)
    print(f"key id {key_id(key)}", file=sys.stderr)
    print("for every booth's main_site.pack_keys:", file=sys.stderr)
    print(key_text(key))
    return 0


def _new(options: argparse.Namespace) -> int:
    text = template(main_site_id=options.id, name=options.name, origin=options.origin, now=datetime.now(UTC))
    try:
        with options.file.open("x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, UnicodeEncodeError) as error:
        raise _RefusedError(
            f"{options.file}: cannot be written: {getattr(error, 'strerror', None) or error}"
        ) from error
    print(f"{options.file}: written; fill it in, then: kiosk-config pack check {options.file}")
    return _check(options)


def _check(options: argparse.Namespace) -> int:
    pack = load_source(options.file)
    print(f"{options.file}: good ({pack.main_site_id}, serial {pack.serial})")
    return 0


def _sign(options: argparse.Namespace) -> int:
    pack = load_source(options.file)
    out = options.out or options.file.with_suffix(".pack")
    if out.resolve() == options.file.resolve():
        raise _RefusedError(f"{out}: would overwrite the description; name another file with --out")
    signer = Ed25519Signer(read_key_file(options.key, lambda: getpass.getpass("passphrase: ")))
    token = sign_pack(pack, signer)
    if len(token) > MAX_BYTES:
        raise _RefusedError(f"{options.file}: the pack would be longer than {MAX_BYTES} bytes")
    try:
        write_durably(out, token.encode("ascii"))
    except OSError as error:
        raise _RefusedError(f"{out}: cannot be written: {error.strerror}") from error
    print(f"{out}: {pack.main_site_id}, serial {pack.serial}, signed with key {signer.key_id}")
    return 0


def _show(options: argparse.Namespace) -> int:
    token = _pack_text(options.file)
    for line in lines(unverified_pack(token)):
        print(_printable(line))
    print(_printable(f"signed with:  key {signing_key_id(token)[:100] or 'none'}"))
    try:
        read_pack(token, Ed25519Verifier(_trusted(options)))
    except PackRefusedError as error:
        print(f"signature:    DOES NOT HOLD: {error.detail}")
        return 1
    print("signature:    holds")
    return 0


def _install(options: argparse.Namespace) -> int:
    config = load(options.config or DEFAULT_FILE)
    store = PackStore(
        config.storage.data_dir / FOLDER_NAME,
        Ed25519Verifier(config.main_site.pack_keys),
        site_id=config.main_site.site_id,
        is_drill=config.is_drill,
    )
    try:
        pack = store.install(_pack_text(options.file))
    except OSError as error:
        raise _RefusedError(f"{config.storage.data_dir}: cannot be written: {error.strerror}") from error
    print(f"installed: {pack.name} ({pack.main_site_id}), serial {pack.serial}")
    return 0


def _trusted(options: argparse.Namespace) -> list[str]:
    if options.keys is None:
        return list(load(options.config or DEFAULT_FILE).main_site.pack_keys)
    try:
        Ed25519Verifier(options.keys)
    except ValueError as error:
        raise _RefusedError(f"--keys: {error}") from error
    return list(options.keys)


def _pack_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 2)
    except OSError as error:
        raise _RefusedError(f"{path}: cannot be read: {error.strerror}") from error
    return data.decode("ascii", errors="replace").strip()


def _printable(line: str) -> str:
    """Return a line that cannot steer the terminal: what a pack says is anybody's until its signature holds."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


def _new_passphrase() -> str:
    first = getpass.getpass("passphrase: ")
    if not first:
        raise _RefusedError("an empty passphrase protects nothing")
    if getpass.getpass("once more: ") != first:
        raise _RefusedError("the two passphrases differ")
    return first


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "keygen": _keygen,
    "new": _new,
    "check": _check,
    "sign": _sign,
    "show": _show,
    "install": _install,
}
