"""Reads a configuration file and reports everything that is wrong with it at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from .model import BoothConfig

MAX_BYTES = 256 * 1024
SIMULATED = {"reader": "pcsc", "camera": "opencv", "headset": "pulse", "ups": "nut"}
DRIVERS_WITHOUT_SAM = ("pcsc-storage", "pcsc-uid")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MAX_SHOWN = 80


@dataclass(frozen=True)
class ConfigProblem:
    """One thing that is wrong. ``key`` is the dotted path in the file, "" for the file as a whole."""

    file: Path
    key: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else str(self.file)
        return f"{where}: {self.reason}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(Exception):
    """A configuration that cannot be used, with every problem found."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(path: Path) -> BoothConfig:
    """Return the configuration in ``path``.

    Raises:
        ConfigError: with all problems at once; each names file, key, reason and, for a misspelt key, the nearest name.
    """
    raw = _parse(path)
    problems = [ConfigProblem(path, key, reason) for key, reason in _refusals(raw)]
    try:
        config = BoothConfig.model_validate(raw)
    except ValidationError as error:
        problems = [_explain(path, dict(item)) for item in error.errors()] + problems
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return config


def _parse(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError([ConfigProblem(path, "", f"larger than {MAX_BYTES} bytes")])
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([ConfigProblem(path, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([ConfigProblem(path, "", f"is not UTF-8 at byte {error.start}")]) from error
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError([ConfigProblem(path, "", f"is not TOML: {error}")]) from error


def _refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what no single field can know. Works on the raw file, so that one bad field does not hide these."""

    def get(section: str, key: str, default: object = None) -> object:
        return _table(raw, section).get(key, default)

    yield from _mode_refusals(raw)
    url = get("site", "url", "")
    if isinstance(url, str) and url:
        if url.startswith("http://") and _host(url) not in LOOPBACK:
            yield "site.url", "http is allowed only for loopback; use https"
        if get("site", "token_file") is None:
            yield "site.token_file", "is needed when site.url is set"
    yield from _reader_refusals(_table(raw, "reader"))
    yield from _library_refusals(raw)


def _mode_refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Production and drill must not be mistaken for each other."""
    simulated = [section for section in SIMULATED if _table(raw, section).get("driver") == "simulated"]
    bench_file = _table(raw, "drill").get("bench_file")
    if raw.get("mode") == "drill":
        if simulated and bench_file is None:
            yield "drill.bench_file", "is needed by the simulated devices"
        return
    for section in simulated:
        yield f"{section}.driver", 'a simulated device is allowed only with mode = "drill"'
    if _table(raw, "screen").get("fullscreen", True) is False:
        yield "screen.fullscreen", "production needs the whole screen"
    if bench_file is not None:
        yield "drill.bench_file", 'is allowed only with mode = "drill"'
    if not _table(raw, "main_site").get("pack_keys"):
        yield "main_site.pack_keys", "is needed: without a trusted key no main site can be opened"


def _reader_refusals(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if reader.get("driver") in DRIVERS_WITHOUT_SAM and reader.get("sam_ids"):
        yield "reader.sam_ids", "cannot be used with this driver: it has no way to ask a SAM who it is"


def _library_refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A vendor's library is somebody else's code in our hands: named in full and pinned, or not used at all."""
    reader, photo = _table(raw, "reader"), _table(raw, "photo")
    for key, library, is_used in (
        ("reader.vendor", _table(reader, "vendor"), reader.get("driver") == "vendor"),
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


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, Mapping) else {}


def _host(url: str) -> str | None:
    """Return the host, of an address that is none a loopback one: the model reports that problem."""
    try:
        return urlsplit(url).hostname or "localhost"
    except ValueError:
        return "localhost"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer beyond sys.get_int_max_str_digits()
        return "a number too long to print"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _explain(path: Path, error: dict[str, Any]) -> ConfigProblem:
    location = [str(part) for part in error["loc"]]
    key = ".".join(location)
    match error["type"]:
        case "extra_forbidden":
            nearest = difflib.get_close_matches(location[-1], _names(location[:-1]), n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(_names(location[:-1]))}"
            return ConfigProblem(path, key, "unknown setting", hint)
        case "missing":
            return ConfigProblem(path, key, "missing")
        case _:
            return ConfigProblem(path, key, f"{error['msg']}, got {_shown(error['input'])}")


def _names(location: list[str]) -> list[str]:
    """Return the setting names allowed at ``location``."""
    model: type[BaseModel] = BoothConfig
    for part in location:
        kind = model.model_fields[part].annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
