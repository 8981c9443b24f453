"""The positive control: the same attempts, page and checks against plain Chromium, where they must find something."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.security.attempts import Attempt
from tests.security.kiosk_run import PAGE_MIDDLE, World, hostile_world, screen
from tests.security.runner import Runner
from tests.security.screen import Eye
from tests.security.watch import Ground

_START_TIMEOUT_S = 60.0
_FLAGS = (
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--password-store=basic", "--start-fullscreen", "--disable-popup-blocking",
)  # fmt: skip


def run(attempts: Iterable[Attempt]) -> dict[str, list[str]]:
    """Return what each attempt was seen to do; a fresh browser whenever one did something.

    An attempt that does not show what it should is tried once more: a fresh Chromium was seen to go silent on a busy
    machine before it had done anything.
    """
    found: dict[str, list[str]] = {}
    left = list(attempts)
    # Chromium ends when the path of its socket below TMPDIR is longer than sun_path (unix(7)), as pytest's folders are.
    with tempfile.TemporaryDirectory(prefix="escape-", ignore_cleanup_errors=True) as folder, screen() as eye:
        for number in itertools.count():
            if not left:
                return found
            with hostile_world(Path(folder) / str(number)) as world, _chromium(world) as process:
                _wait_for_page(world, process)
                runner = Runner(_ground(world, process.pid, eye), world.site, PAGE_MIDDLE, lambda: "")
                while left:
                    attempt = left.pop(0)
                    outcome = runner.run(attempt)
                    seen = [*outcome.escaped, *outcome.left]
                    if attempt.id not in found and not shows(attempt, seen):
                        left.append(attempt)
                    found[attempt.id] = seen
                    if not set(seen) <= {"sink: connection", "sink: tls", "sink: request"}:
                        break
    return found


def shows(attempt: Attempt, seen: Iterable[str]) -> bool:
    """Whether the control was seen."""
    return any(finding.startswith(attempt.control) for finding in seen)


def _ground(world: World, pid: int, eye: Eye) -> Ground:
    place = world.place
    profile = ("*/profile/*", "*/.cache/*", "*/.config/*", "*/.pki/*", f"{place.temporary}/*", "*/.local/share/*")
    return Ground(
        pid=pid,
        eye=eye,
        sink=world.sink,
        folders=(place.home,),
        working_folder=place.home,
        calls=place.calls,
        usual_programs=frozenset({"chromium", "chrome_crashpad_handler"}),
        usual_files=profile,
        is_kiosk=False,
    )


def _wait_for_page(world: World, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not world.site.is_listening(1.0):
        if process.poll() is not None:
            raise RuntimeError(f"Chromium ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError("Chromium did not show the page")
    time.sleep(0.5)


@contextlib.contextmanager
def _chromium(world: World) -> Iterator[subprocess.Popen[bytes]]:
    flags = [*_FLAGS, f"--user-data-dir={world.place.base / 'profile'}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    process = subprocess.Popen(
        ["chromium", *flags, f"{world.site.origin}/enter"],
        env=os.environ | world.place.environment(),
        cwd=world.place.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # Its children are in its process group and nobody else is.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait(10)
