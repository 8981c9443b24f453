"""What the kiosk costs while nobody is there: processor and memory of its whole process tree on the sign-in screen."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import psutil
import tomli_w

from tests.bench.report import Row, show
from workstation.drill.kiosk import KioskProcess
from workstation.drill.stage import Stage

WATCH_S = 60.0
SETTLE_S = 8.0
CPU_LIMIT_PERCENT = 3.0
MEMORY_LIMIT_MB = 350.0
_MEGABYTE = 1_000_000
_READY_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a process tree holds; megabytes of 10^6 bytes.

    Attributes:
        pss_mb: memory with shared pages counted by share: what would become free if the tree ended.
        rss_mb: resident memory, shared pages counted in every process.
    """

    pss_mb: float
    rss_mb: float
    processes: int


@dataclass(frozen=True, kw_only=True)
class Cost(Memory):
    """What a process tree took.

    Attributes:
        cpu_percent: of one core, mean over the watch.
    """

    cpu_percent: float

    def rows(self, who: str) -> list[Row]:
        """Return the figures with their budgets."""
        return [
            Row(what=f"{who}: processor, of one core", samples=[self.cpu_percent], unit="%", limit=CPU_LIMIT_PERCENT),
            Row(what=f"{who}: memory, PSS", samples=[self.pss_mb], unit="MB"),
            Row(what=f"{who}: memory, RSS", samples=[self.rss_mb], unit="MB", limit=MEMORY_LIMIT_MB),
            Row(what=f"{who}: processes", samples=[self.processes], unit=""),
        ]


def run(stage: Stage) -> None:
    """Measure the kiosk with the site's server elsewhere, and once more with the server it starts when it has none."""
    alone = _measure(stage, stage.config_file)
    with_server = _measure(stage, _without_site(stage.config_file))
    rows = alone.rows("site's server elsewhere") + with_server.rows("own site server")
    show(f"idle on the sign-in screen, {WATCH_S:.0f} s", rows)


def _measure(stage: Stage, config_file: Path) -> Cost:
    with KioskProcess(config_file, stage.environment) as kiosk:
        kiosk.wait_for_state("idle", _READY_TIMEOUT_S)
        time.sleep(SETTLE_S)
        root = psutil.Process(kiosk.pid)
        before_s = _cpu_seconds(root)
        time.sleep(WATCH_S)
        used_s = _cpu_seconds(root) - before_s
        memory = memory_of(kiosk.pid)
    return Cost(
        cpu_percent=100 * used_s / WATCH_S, pss_mb=memory.pss_mb, rss_mb=memory.rss_mb, processes=memory.processes
    )


def memory_of(pid: int) -> Memory:
    """Return what the process tree below ``pid`` takes now."""
    parts = [process.memory_full_info() for process in _tree(psutil.Process(pid))]
    return Memory(
        pss_mb=sum(part.pss for part in parts) / _MEGABYTE,
        rss_mb=sum(part.rss for part in parts) / _MEGABYTE,
        processes=len(parts),
    )


def _cpu_seconds(root: psutil.Process) -> float:
    """Return what the tree has used so far, children that ended included."""
    return sum(sum(process.cpu_times()[:4]) for process in _tree(root))


def _tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def _without_site(config_file: Path) -> Path:
    document = tomllib.loads(config_file.read_text(encoding="utf-8"))
    del document["site"]
    changed = config_file.with_name("no-site.toml")
    changed.write_text(tomli_w.dumps(document), encoding="utf-8")
    return changed
