"""Reads a configuration file and reports everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from . import ups_rules
from .model import BoothConfig
from .problems import MAX_BYTES, ConfigError, ConfigProblem, explain_all, parse_toml, table

__all__ = ["MAX_BYTES", "ConfigError", "ConfigProblem", "load"]

MAY_BE_SIMULATED = ("reader", "camera", "headset")
DRIVERS_WITHOUT_SAM = ("pcsc-storage", "pcsc-uid")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def load(path: Path) -> BoothConfig:
    """Return the configuration in ``path``.

    Raises:
        ConfigError: with all problems at once; each names file, key, reason and, for a misspelt key, the nearest name.
    """
    raw = parse_toml(path)
    problems = [ConfigProblem(path, key, reason) for key, reason in _refusals(raw)]
    try:
        config = BoothConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain_all(path, BoothConfig, error) + problems) from None
    if problems:
        raise ConfigError(problems)
    return config


def _refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what no single field can know. Works on the raw file, so that one bad field does not hide these."""

    def get(section: str, key: str, default: object = None) -> object:
        return table(raw, section).get(key, default)

    yield from _mode_refusals(raw)
    url = get("site", "url", "")
    if isinstance(url, str) and url:
        if url.startswith("http://") and _host(url) not in LOOPBACK:
            yield "site.url", "http is allowed only for loopback; use https"
        if get("site", "token_file") is None:
            yield "site.token_file", "is needed when site.url is set"
    yield from _certificate_refusals(table(raw, "main_site"))
    yield from _reader_refusals(table(raw, "reader"))
    yield from _library_refusals(raw)
    yield from ups_rules.refusals(raw)


def _mode_refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Production and drill must not be mistaken for each other."""
    simulated = [section for section in MAY_BE_SIMULATED if table(raw, section).get("driver") == "simulated"]
    simulated += [key for key, ups in ups_rules.listed(raw) if ups.get("driver") == "simulated"]
    bench_file = table(raw, "drill").get("bench_file")
    if raw.get("mode") == "drill":
        if simulated and bench_file is None:
            yield "drill.bench_file", "is needed by the simulated devices"
        return
    for section in simulated:
        yield f"{section}.driver", 'a simulated device is allowed only with mode = "drill"'
    if table(raw, "screen").get("fullscreen", True) is False:
        yield "screen.fullscreen", "production needs the whole screen"
    if bench_file is not None:
        yield "drill.bench_file", 'is allowed only with mode = "drill"'
    if not table(raw, "main_site").get("pack_keys"):
        yield "main_site.pack_keys", "is needed: without a trusted key no main site can be opened"


def _reader_refusals(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if reader.get("driver") in DRIVERS_WITHOUT_SAM and reader.get("sam_ids"):
        yield "reader.sam_ids", "cannot be used with this driver: it has no way to ask a SAM who it is"


def _certificate_refusals(main_site: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for given, needed in (("certificate_file", "key_file"), ("key_file", "certificate_file")):
        if main_site.get(given) is not None and main_site.get(needed) is None:
            yield f"main_site.{needed}", f"is needed with {given}"


def _library_refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A vendor's library is somebody else's code in our hands: named in full and pinned, or not used at all."""
    reader, photo = table(raw, "reader"), table(raw, "photo")
    for key, library, is_used in (
        ("reader.vendor", table(reader, "vendor"), reader.get("driver") == "vendor"),
        ("photo", photo, photo.get("decoder", "none") != "none"),
    ):
        path = library.get("library")
        if is_used and path is None:
            yield f"{key}.library", "is needed"
        for name in ("library", "helper"):
            if isinstance(library.get(name), str) and not Path(library[name]).is_absolute():
                yield f"{key}.{name}", "must be an absolute path"
        if path is not None and not library.get("sha256"):
            yield f"{key}.sha256", "is needed with library"


def _host(url: str) -> str | None:
    """Return the host, of an address that is none a loopback one: the model reports that problem."""
    try:
        return urlsplit(url).hostname or "localhost"
    except ValueError:
        return "localhost"
