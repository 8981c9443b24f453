"""The locked browser alone against ``chromium --kiosk`` on the same page in the same run: time to paint, memory."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench import screen, start
from tests.bench.idle import Memory, memory_of
from tests.bench.report import Row, show
from workstation.spawn import module_command

RUNS = 7
SETTLE_S = 3.0
RATIO_LIMIT = 1.2
_END_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Showing:
    """One start: seconds to the paint, and what the process tree holds ``SETTLE_S`` later."""

    painted_s: float
    memory: Memory


def run(directory: Path) -> None:
    """Measure the two in turns; the first start of each warms the disk cache and is dropped."""
    page = directory / "page.html"
    page.write_text(start._peer_page(), encoding="utf-8")
    screen.wait_until_gone()
    ours, peer = [], []
    with _served(directory) as address:
        for _ in range(1 + RUNS):
            ours.append(_measure(lambda: _locked(address)))
            peer.append(_measure(lambda: _peer(address)))
    show_browsers(ours[1:], peer[1:])


def show_browsers(ours: list[Showing], peer: list[Showing]) -> None:
    """Print both, and the locked browser's ratios of medians with their budget."""
    rows = [row for who, shown in (("locked", ours), ("chromium", peer)) for row in _rows(who, shown)]
    count = len(rows) // 2
    for our, their in zip(rows[:count], rows[count:], strict=True):
        if our.unit:
            what = our.what.replace("locked", "locked / chromium")
            rows.append(Row(what=what, samples=[our.median / their.median], unit="x", limit=RATIO_LIMIT))
    show("browser on the same page over http, fresh profile, warm disk cache", rows)


def _rows(who: str, shown: list[Showing]) -> list[Row]:
    return [
        Row(what=f"{who}: page painted, from exec", samples=[one.painted_s for one in shown], unit="s"),
        Row(what=f"{who}: memory, PSS", samples=[one.memory.pss_mb for one in shown], unit="MB"),
        Row(what=f"{who}: memory, RSS", samples=[one.memory.rss_mb for one in shown], unit="MB"),
        Row(what=f"{who}: processes", samples=[one.memory.processes for one in shown], unit=""),
    ]


def _measure(begin: Callable[[], contextlib.AbstractContextManager[int]]) -> Showing:
    started = time.monotonic()
    with begin() as pid:
        painted = screen.wait_until_painted(30.0)
        time.sleep(SETTLE_S)
        shown = Showing(painted - started, memory_of(pid))
    screen.wait_until_gone()
    return shown


@contextlib.contextmanager
def _locked(address: str) -> Iterator[int]:
    process = subprocess.Popen(
        module_command("tests.bench.browser_child", address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(_END_TIMEOUT_S)


@contextlib.contextmanager
def _peer(address: str) -> Iterator[int]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as home,
        start.chromium(Path(home), address) as pid,
    ):
        yield pid


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _served(directory: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(directory)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()
        server.server_close()
