"""Reads the attempts from the TOML files beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CATEGORIES = (
    "keys", "pointer", "urls", "web-platform", "dialogs", "downloads", "drag-and-drop", "schemes", "dev-tools",
    "windows", "storage", "environment",
)  # fmt: skip


class Attempt(BaseModel):
    """One way out that is tried.

    Attributes:
        what: what is done, in words.
        must_not: what must not happen, in words. Every attempt is checked for everything (``watch``); this is what
            it is after.
        keys: keys for xdotool, pressed one after the other.
        pointer: arguments for xdotool, one command a line.
        script: JavaScript for the hostile page. Whatever it returns that begins with "got" is an escape.
        go: an address for the main frame; frame: one for a sub-frame.
        gesture: whether the script runs in the handler of a real click.
        environment: for a kiosk process of its own.
        answers: how many questions of the page, in our own frame, are answered with Escape while the script waits.
        ends_visit: what it leaves on the screen covers the page: the next attempt gets a fresh kiosk.
        dwell_s: how long to watch at least.
        patience_s: how long the script may take.
        left: findings that are left to the operating system or the firewall: reported, not failed.
        may: findings that are no escape: the page only hurts itself, and the booth leads back to the main site.
        control: what an ordinary Chromium shows with the same attempt; "" where there is nothing to show there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    category: Literal[
        "keys", "pointer", "urls", "web-platform", "dialogs", "downloads", "drag-and-drop", "schemes", "dev-tools",
        "windows", "storage", "environment",
    ]  # fmt: skip
    what: str
    must_not: str
    keys: tuple[str, ...] = ()
    pointer: tuple[str, ...] = ()
    script: str = ""
    go: str = ""
    frame: str = ""
    gesture: bool = False
    environment: Mapping[str, str] = {}
    arguments: tuple[str, ...] = ()
    answers: int = Field(default=0, ge=0, le=20)
    ends_visit: bool = False
    dwell_s: float = Field(default=0.22, ge=0, le=10)
    patience_s: float = Field(default=1.5, ge=0, le=10)
    left: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    control: str = ""

    @model_validator(mode="after")
    def _does_something(self) -> Attempt:
        if not (self.keys or self.pointer or self.script or self.go or self.frame or self.environment):
            raise ValueError(f"{self.id} does nothing")
        return self

    def job(self) -> str:
        """Return the script for the page, "" when none is needed."""
        if self.go:
            return f"location.href = `{self.go}`; return 'asked'"
        if self.frame:
            return (
                f"const f = document.createElement('iframe'); f.src = `{self.frame}`;"
                "document.getElementById('box').append(f); await new Promise(r => setTimeout(r, 400));"
                "f.remove(); return 'asked'"
            )
        return self.script


@cache
def load() -> tuple[Attempt, ...]:
    """Return every attempt, in the order of the categories and files."""
    found: list[Attempt] = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        shared = document.get("shared", {})
        found += [Attempt.model_validate(shared | entry) for entry in document["attempt"]]
    if len({attempt.id for attempt in found}) != len(found):
        raise ValueError("an id is used twice")
    return tuple(sorted(found, key=lambda attempt: CATEGORIES.index(attempt.category)))
