"""Writes the settings reference and an example file from the model, so that neither can drift."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .model import BoothConfig


def settings_markdown() -> str:
    """Return docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "Generated from `kiosk_config/model.py` by `kiosk-config settings`; a test holds that it is current.",
        "",
    ]
    lines += ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    lines += [_row(name, field) for name, field in BoothConfig.model_fields.items() if _section(field) is None]
    for name, field in BoothConfig.model_fields.items():
        section = _section(field)
        if section is not None:
            lines += _table(name, section, is_repeated=_is_list(field))
    return "\n".join(lines) + "\n"


def _table(name: str, section: type[BaseModel], *, is_repeated: bool = False) -> list[str]:
    """Return a section's heading and settings, and those of the sections in it."""
    lines = [
        "",
        f"## [[{name}]]" if is_repeated else f"## [{name}]",
        "",
        str(section.__doc__).split("\n", maxsplit=1)[0],
        "",
    ]
    lines += ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    inner = {key: _section(entry) for key, entry in section.model_fields.items()}
    lines += [_row(f"{name}.{key}", entry) for key, entry in section.model_fields.items() if inner[key] is None]
    for key, part in inner.items():
        if part is not None:
            lines += _table(f"{name}.{key}", part)
    return lines


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a section, or of each of a list of them."""
    kind = get_args(field.annotation)[0] if _is_list(field) else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_list(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is list


def _row(name: str, field: FieldInfo) -> str:
    default = field.default
    shown = "" if default is None else f"`{_toml(default)}`"
    if default is PydanticUndefined:
        shown = "*required*"
    return f"| `{name}` | {_type(field)} | {shown} | {field.description} |"


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{_toml(value)}`" for value in get_args(kind))
    if get_origin(kind) is list:
        return "list of texts"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    name = names.get(kind, "path" if "Path" in str(kind) else getattr(kind, "__name__", str(kind)).lower())
    low = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    high = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if low is None and high is None:
        return name
    return f"{name}, {'' if low is None else low} to {'' if high is None else high}".rstrip()


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
