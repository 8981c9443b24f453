"""Which versions run here, and that they changed since the last start."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

_log = logging.getLogger(__name__)

_MAX_FILE_BYTES = 64 * 1024


class SoftwareCoordinator:
    """Keeps what it saw in a file, one look later than it told: after a power cut a change is told twice, not never.

    Args:
        versions: gives the versions by what they are of, such as ``{"app": "1.2", "pack demo": "7"}``.
        memory: the file; its folder exists.
    """

    name = "software"
    period_s = 60.0

    def __init__(self, versions: Callable[[], Mapping[str, str]], memory: Path) -> None:
        self._versions, self._memory = versions, memory
        self._told: dict[str, str] | None = None
        self._kept: dict[str, str] | None = None

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        now = dict(self._versions())
        if self._told is None:
            before = self._kept = _load(self._memory)
        else:
            before = self._told
            if before != self._kept:
                self._keep(before)
        self._told = now
        return [
            Reading(
                kind=ReadingKind.SOFTWARE,
                state=ReadingState.OK,
                observed=Moment.now(),
                detail=" · ".join(f"{name} {version}" for name, version in now.items()),
                changes=() if before is None else differences(before, now),
            )
        ]

    def _keep(self, versions: dict[str, str]) -> None:
        draft = self._memory.with_suffix(".new")
        try:
            draft.write_text(json.dumps(versions), encoding="utf-8")
            draft.replace(self._memory)
        except OSError as error:
            # A full or read-only disk is told by its own reading; the change is told again at the next start.
            _log.debug("versions cannot be kept: %s", error.strerror)
            return
        self._kept = versions


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return what came, went and changed, as the journal says it."""
    changed = (f"{name} {before[name]} > {now[name]}" for name in now if name in before and before[name] != now[name])
    gone = (f"-{name} {version}" for name, version in before.items() if name not in now)
    come = (f"+{name} {version}" for name, version in now.items() if name not in before)
    return (*changed, *gone, *come)


def _load(path: Path) -> dict[str, str] | None:
    """Return what was kept, ``None`` when there is nothing that can be read."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {name: version for name, version in found.items() if isinstance(version, str)}
