"""Reads the administrator's TOML of a pack and says everything that is wrong with it at once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kiosk_config.problems import ConfigError, ConfigProblem, explain_all, parse_toml, shown

from .model import MainSitePack
from .sense import contradictions


def load_source(path: Path, now: datetime | None = None) -> MainSitePack:
    """Return the pack that ``path`` describes.

    Args:
        path: the TOML file.
        now: the moment at which it must not be over yet (default: at present).

    Raises:
        ConfigError: with all problems at once, as ``kiosk_config.loader.load`` does.
    """
    raw = parse_toml(path)
    found = contradictions(raw, now or datetime.now(UTC))
    contradicting = [ConfigProblem(path, key, reason) for key, reason in found]
    try:
        # By way of JSON, so that the file is held to what a booth will accept: exact types, nothing coerced.
        pack = MainSitePack.model_validate_json(json.dumps(raw, default=_written), strict=True)
    except ValidationError as error:
        problems = explain_all(path, MainSitePack, error)
        if contradicting:  # the same said with a key
            problems = [problem for problem in problems if problem.key]
        raise ConfigError(_each_once(problems + contradicting)) from None
    except ValueError as error:
        raise ConfigError([ConfigProblem(path, "", f"holds a value that no pack can: {shown(str(error))}")]) from error
    if contradicting:
        raise ConfigError(contradicting)
    return pack


def _each_once(problems: list[ConfigProblem]) -> list[ConfigProblem]:
    """Return the first problem of each key: a value that is wrong by itself also contradicts others."""
    return list({problem.key: problem for problem in reversed(problems)}.values())[::-1]


def _written(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise ValueError(type(value).__name__)
