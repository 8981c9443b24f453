"""Start to the sign-in screen against Chromium's first paint, by the pixels on the screen; then the idle cost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import idle, screen
from tests.bench.report import Row, show
from workstation.drill.kiosk import KioskProcess
from workstation.drill.stage import Stage
from workstation.ui.theme import Color

RUNS = 5
START_LIMIT_S = 2.0
_END_TIMEOUT_S = 15.0
_PEER_FLAGS = (
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
)


def run(directory: Path) -> None:
    """Measure on the virtual screen, the two in turns; the first start of each warms the disk cache and is dropped."""
    with Stage(directory, fullscreen=True) as stage:
        page = directory / "peer.html"
        page.write_text(_peer_page(), encoding="utf-8")
        screen.wait_until_gone()
        ours, logged, peer = [], [], []
        for _ in range(1 + RUNS):
            painted_s, logged_s = _start_kiosk(stage)
            ours.append(painted_s)
            logged.append(logged_s)
            peer.append(_start_chromium(page))
        show_start(ours[1:], logged[1:], peer[1:])
        idle.run(stage)


def show_start(ours: list[float], logged: list[float], peer: list[float]) -> None:
    """Print the starts, the kiosk's with two budgets: its own, and the peer's median in this run."""
    chromium = Row(what="chromium --kiosk, local page, first paint", samples=peer, unit="s")
    rows = (
        Row(what="kiosk: sign-in screen painted", samples=ours, unit="s", limit=START_LIMIT_S),
        Row(what="kiosk: state idle in its log", samples=logged, unit="s"),
        chromium,
        Row(what="kiosk, not slower than chromium", samples=ours, unit="s", limit=chromium.median),
    )
    show("start, from exec, warm disk cache", rows)


def _start_kiosk(stage: Stage) -> tuple[float, float]:
    """Return the seconds to the paint and to the log line."""
    started = time.monotonic()
    with KioskProcess(stage.config_file, stage.environment) as kiosk:
        painted = screen.wait_until_painted()
        line = kiosk.wait_for_state("idle", _END_TIMEOUT_S) - 1
        logged = float(kiosk.lines[line]["read_at"])
    screen.wait_until_gone()
    return painted - started, logged - started


def _start_chromium(page: Path) -> float:
    """Return the seconds to the first paint of a page that has the sign-in screen's large areas."""
    with tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as home:
        started = time.monotonic()
        with chromium(Path(home), page.as_uri()):
            painted = screen.wait_until_painted()
    screen.wait_until_gone()
    return painted - started


@contextlib.contextmanager
def chromium(home: Path, address: str, flags: Sequence[str] = ("--kiosk",)) -> Iterator[int]:
    """Run the peer on a page with a fresh profile; yields its process id."""
    flags = [*_PEER_FLAGS, *flags, f"--user-data-dir={home / 'profile'}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    process = subprocess.Popen(
        ["chromium", *flags, address],
        env=os.environ | {"HOME": os.fspath(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_END_TIMEOUT_S)
        finally:
            # Its children are in its process group and nobody else is.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _peer_page() -> str:
    left, top, width, height = screen.STAGE
    return f"""<!doctype html><meta charset="utf-8"><title>peer</title>
<style>
body {{ margin: 0; background: {Color.PAGE}; color: {Color.INK}; font: 44px "Noto Sans CJK SC" }}
header {{ background: {Color.BAR}; color: {Color.SURFACE}; height: {screen.HEADER_HEIGHT}px }}
h1 {{ position: absolute; left: {left}px; top: 120px }}
main {{ position: absolute; left: {left}px; top: {top}px; width: {width}px; height: {height}px;
  background: linear-gradient(135deg, {Color.BRAND}, {Color.BRAND_BRIGHT}) }}
</style>
<header></header><h1>请将身份证平放在读卡区</h1><main></main>
"""
