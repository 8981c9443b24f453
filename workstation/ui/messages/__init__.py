"""All texts people read, by language: screen strings by key; a title, an expert's and an admin's text by code."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from string import Formatter
from typing import cast

from drivers.errors import ErrorCode

_Entry = dict[str, str]
_MINUTE = 60


class Language(StrEnum):
    """Shipped languages; Chinese is the reference, English its translation."""

    ZH_CN = "zh_CN"
    EN = "en"


class Messages:
    """Looks up texts of one language and fills in facts.

    Facts are inserted as they are and never parsed, so a project's name may contain braces.
    """

    def __init__(self, language: Language = Language.ZH_CN) -> None:
        self.language = language
        source = files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
        tables = cast("dict[str, _Entry]", tomllib.loads(source))
        self._codes = cast("dict[str, _Entry]", tables.pop("codes"))
        self._texts = {f"{table}.{name}": text for table, row in tables.items() for name, text in row.items()}

    @property
    def keys(self) -> frozenset[str]:
        """The keys ``text`` knows, as ``table.name``."""
        return frozenset(self._texts)

    def text(self, key: str, **facts: str | int) -> str:
        """Return a screen string.

        Raises:
            KeyError: there is no such text, or a fact it needs is missing.
        """
        return self._texts[key].format_map(facts)

    def title(self, code: ErrorCode) -> str:
        """Return the few words that head a screen about ``code``."""
        return self._codes[code]["title"]

    def expert(self, code: ErrorCode, scope: str = "", **facts: str) -> str:
        """Return what the expert reads about ``code``; facts are used when all that the text needs are known.

        Args:
            code: what happened.
            scope: table of the screen, which may hold its own text for the code.
            facts: what is known about it.
        """
        if own := self._texts.get(f"{scope}.{code}"):
            return own
        entry = self._codes[code]
        detailed = entry.get("expert_with", "")
        if detailed and all(facts.get(name) for name in placeholders(detailed)):
            return detailed.format_map(facts)
        return entry["expert"]

    def admin(self, code: ErrorCode) -> str:
        """Return what the site administrator reads about ``code``."""
        return self._codes[code]["admin"]

    def is_timed(self, code: ErrorCode) -> bool:
        """Whether the expert's text about ``code`` has a running clock in it."""
        return "clock" in placeholders(self._codes[code].get("expert_with", ""))

    def length(self, seconds: int) -> str:
        """Return how long something was, such as "18 分钟"; to the second below a minute."""
        return self.duration(seconds // 60) if seconds >= _MINUTE else self.text("duration.seconds", seconds=seconds)

    def limit(self, seconds: float) -> str:
        """Return a time limit in words, ``""`` for one too short to be told in minutes."""
        minutes = int(seconds // 60)
        return self.duration(minutes) if minutes else ""

    def duration(self, minutes: int) -> str:
        """Return a length of time in words, such as "3 小时 40 分"."""
        hours, rest = divmod(max(0, minutes), 60)
        if not hours:
            return self.text("duration.minutes", minutes=rest)
        if not rest:
            return self.text("duration.hours", hours=hours)
        return self.text("duration.hours_minutes", hours=hours, minutes=rest)


def placeholders(template: str) -> frozenset[str]:
    """Return the names of the facts that ``template`` needs."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def clock(seconds: int) -> str:
    """Return a running time as ``hh:mm:ss``."""
    minutes, second = divmod(max(0, seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
