"""What is wrong with an administrator's TOML file: file, key, reason, and for a misspelt key the nearest name."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

MAX_BYTES = 256 * 1024
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
    """A file that cannot be used, with every problem found."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def parse_toml(path: Path) -> dict[str, Any]:
    """Return what stands in ``path``.

    Raises:
        ConfigError: it cannot be read, is too long, or is not TOML in UTF-8.
    """
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


def explain_all(path: Path, model: type[BaseModel], error: ValidationError) -> list[ConfigProblem]:
    """Return every finding of ``model`` as a problem of the file."""
    items = [dict(item) for item in error.errors()]
    return [_explain(path, model, item) for item in items if not _is_echo(item, items)]


def shown(value: object) -> str:
    """Return ``value`` short enough for a line."""
    try:
        text = repr(value)
    except ValueError:  # an integer beyond sys.get_int_max_str_digits()
        return "a number too long to print"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _is_echo(item: dict[str, Any], items: list[dict[str, Any]]) -> bool:
    """Tell whether a list is only called too short because none of its members was good."""
    place = item["loc"]
    inside = (other["loc"] for other in items if len(other["loc"]) > len(place))
    return item["type"] == "too_short" and any(other[: len(place)] == place for other in inside)


def _explain(path: Path, model: type[BaseModel], error: dict[str, Any]) -> ConfigProblem:
    location = list(error["loc"])
    key = ".".join(_written(model, location))
    match error["type"]:
        case "extra_forbidden":
            return ConfigProblem(
                path, key, "unknown setting", _nearest(str(location[-1]), _names(model, location[:-1]))
            )
        case "missing":
            return ConfigProblem(path, key, "missing")
        case "union_tag_not_found":
            return ConfigProblem(path, f"{key}.kind", "missing")
        case "union_tag_invalid":
            tag, known = error["ctx"]["tag"], error["ctx"]["expected_tags"].replace("'", "").split(", ")
            return ConfigProblem(path, f"{key}.kind", f"unknown kind {shown(tag)}", _nearest(str(tag), known))
        case _:
            got = f", got {shown(error['input'])}" if key else ""
            return ConfigProblem(path, key, f"{error['msg']}{got}")


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(known)}"


def _written(model: type[BaseModel], location: Sequence[str | int]) -> Iterator[str]:
    """Yield the parts of ``location`` that stand in the file: the validator also names the kind of a union."""
    kind: Any = model
    for part in location:
        kind, is_written = _step(kind, part)
        if is_written:
            yield str(part)


def _names(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the setting names allowed at ``location``."""
    kind: Any = model
    for part in location:
        kind, _ = _step(kind, part)
    found = next(_models(kind), None)
    return list(found.model_fields) if found else []


def _step(kind: Any, part: str | int) -> tuple[Any, bool]:
    """Return the type below ``kind`` at ``part``, and whether ``part`` stands in the file."""
    if isinstance(part, int):
        return next(iter(get_args(_bare(kind))), None), True
    for model in _models(kind):
        if part in model.model_fields:
            return model.model_fields[part].annotation, True
    tagged = [model for model in _models(kind) if part in _tags(model)]
    return (tagged[0], False) if tagged else (None, True)


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    elif get_origin(kind) in {Union, UnionType}:
        for member in get_args(kind):
            yield from _models(member)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a section of a raw file, an empty one where there is none."""
    found = raw.get(name)
    return found if isinstance(found, Mapping) else {}
