"""Whether a process still runs, asked of the kernel: while a page's call waits, the engine does not tell."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


def is_running(process: int) -> bool:
    """Whether ``process`` is there and no zombie; true where the system has no /proc (the engine tells later)."""
    if process <= 0 or not _PROC.is_dir():
        return True
    try:
        # proc_pid_stat(5): the state follows the name, which is in brackets and may hold any character.
        state = (
            (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        )
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}
