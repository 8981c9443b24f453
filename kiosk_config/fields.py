"""What every section of the configuration is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


def _path(value: object) -> object:
    """TOML has no path type; strict mode would refuse the string."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot contain NUL")
    return Path(value) if isinstance(value, str) else value


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


ConfigPath = Annotated[Path, BeforeValidator(_path)]
Expression = Annotated[str, AfterValidator(_expression)]


class Section(BaseModel):
    """Base of every section: immutable, exact types, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
