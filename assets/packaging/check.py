"""Unpacks a package into a folder of its own and plays a day with what is in it; nothing is installed."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from assets.packaging import debian, sandbox
from workstation.drill.__main__ import virtual_screen
from workstation.drill.kiosk import KioskProcess
from workstation.drill.script import PAINT_S, Playwright, good_day
from workstation.drill.stage import Stage

SCREEN = "1366x768"
START_TIMEOUT_S = 60.0
CONFIG = "etc/evaluation-workstation/booth.toml"
TOP_FOLDERS = {"etc", "lib", "opt", "usr"}
_ONLY_THE_SITE_KNOWS = r".*: place\.booth_id: missing\n.*: main_site\.pack_keys: is needed.*\n2 problem\(s\)\n"
Say = Callable[[str], None]


class CheckError(Exception):
    """The package does not do what it must."""


def check(package: Path, say: Say = print) -> None:
    """Check the package's list of files, its programs, the browser's sandbox, and a whole day in drill mode.

    Args:
        package: the .deb.
        say: told what was checked.

    Raises:
        CheckError: with what is wrong.
        PackageError: it is no package.
        TimeoutError: the kiosk did not get through the day.
    """
    listing = debian.run(["dpkg-deb", "-c", str(package)])
    if problems := list(listing_problems(listing.splitlines())):
        raise CheckError("; ".join(problems[:10]))
    say(f"file list: {len(listing.splitlines())} entries, root:root, nothing outside {sorted(TOP_FOLDERS)}")
    with tempfile.TemporaryDirectory(prefix="evaluation-package-") as name:
        folder = Path(name)
        tree = folder / "tree"
        debian.run(["dpkg-deb", "-x", str(package), str(tree)])
        executable = str(tree / debian.OPT / debian.PACKAGE)
        _check_config(executable, tree / CONFIG)
        say("the example configuration is refused for place.booth_id and main_site.pack_keys alone")
        _check_interpreter(executable)
        say("the executable runs no other module than its programs")
        _check_site_server(executable, folder / "site")
        say("the embedded site server listens")
        _check_sandbox(executable, folder, say)
        _play_day(executable, folder / "drill", say)


def listing_problems(lines: Iterable[str]) -> Iterable[str]:
    """Yield what is wrong in the output of ``dpkg-deb -c``: owners, modes, places."""
    for line in lines:
        mode, owner, _size, _date, _time, name = line.split(maxsplit=5)
        path = name.partition(" -> ")[0].removeprefix("./")
        if owner != "root/root":
            yield f"{path} belongs to {owner}"
        if mode[0] not in "-dl":
            yield f"{path} is neither file, folder nor link"
        if mode[0] != "l" and ("s" in mode.lower() or mode[5] == "w" or mode[8] == "w"):
            yield f"{path} has mode {mode}"
        if path and path.split("/", maxsplit=1)[0] not in TOP_FOLDERS:
            yield f"{path} is outside the package's folders"


def _check_config(executable: str, config: Path) -> None:
    command = [executable, "-m", "kiosk_config", "check", str(config)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
    if result.returncode != 1 or not re.fullmatch(_ONLY_THE_SITE_KNOWS, result.stderr):
        raise CheckError(f"the example configuration: exit code {result.returncode}, {result.stderr[-500:]}")


def _check_interpreter(executable: str) -> None:
    command = [executable, "-m", "http.server"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
    if result.returncode != 1:
        raise CheckError("the executable ran a module that is no program of ours")


def _check_site_server(executable: str, data: Path) -> None:
    command = [executable, "-m", "workstation.site.server", "--data", str(data), "--port", "0", "--end-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        deadline = threading.Timer(START_TIMEOUT_S, server.kill)
        deadline.start()
        try:
            line = server.stdout.readline() if server.stdout else b""
            # Closes its input, and that ends it.
            server.communicate()
        finally:
            deadline.cancel()
            server.kill()
    if not line.startswith(b'{"listening"') or server.returncode:
        raise CheckError(f"the site server did not start and end: exit code {server.returncode}")


def _check_sandbox(executable: str, folder: Path, say: Say) -> None:
    if not sandbox.has_user_namespaces():
        say("NOT CHECKED: Chromium's sandbox; this machine gives an unprivileged user no user namespaces")
        return
    folder.chmod(0o755)  # the unprivileged user starts what is in it
    try:
        looked_at = sandbox.check_sandbox(executable, folder / "sandbox")
    except sandbox.SandboxError as error:
        raise CheckError(f"the browser in production mode: {error}") from None
    say(f"an unprivileged user's pre-flight of a signed pack passes; {looked_at} renderer(s), in Chromium's sandbox")


def _play_day(executable: str, folder: Path, say: Say) -> None:
    with virtual_screen(SCREEN), Stage(folder, fullscreen=True) as stage:
        for device, reason in stage.notes.items():
            say(f"simulated {device}: {reason}")
        with KioskProcess(stage.config_file, stage.environment, command=[executable]) as kiosk:
            play = _Inspector(stage, kiosk, Path(executable).parent, say)
            good_day(play)
            # While it replaces itself it can be stopped only as any program that has just been started.
            play.until("idle", "新程序 a new program after the visit (docs/adr/0010)")
            if kiosk.stop() != 0:
                raise CheckError("the kiosk did not end cleanly")
            if errors := [line for line in kiosk.lines if line.get("level") in {"error", "critical"}]:
                raise CheckError(f"the kiosk logged errors: {errors[:3]}")


class _Inspector(Playwright):
    """Looks into the processes while the browser is there: after the visit the kiosk starts as a new program."""

    def __init__(self, stage: Stage, kiosk: KioskProcess, bundle: Path, say: Say) -> None:
        super().__init__(stage, kiosk, None, say)
        self._bundle, self._told = bundle, say

    def picture(self, name: str, *, after_s: float = PAINT_S) -> None:
        super().picture(name, after_s=after_s)
        if name == "evaluation":
            paths = loaded_files(self.kiosk.pid)
            if not any("QtWebEngineProcess" in path for path in paths):
                raise CheckError("the evaluation page is open without a browser's process")
            if foreign := foreign_libraries(paths, self._bundle):
                raise CheckError(f"loaded from outside the package: {', '.join(foreign[:5])}")
            self._told("every library, the browser's too, is the package's or the system's")


def loaded_files(pid: int) -> set[str]:
    """Return the files that a process and its children have mapped."""
    root, paths = psutil.Process(pid), set()
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
            paths |= {region.path for region in process.memory_maps()}
    return paths


def foreign_libraries(paths: Iterable[str], bundle: Path) -> list[str]:
    """Return the libraries among ``paths`` that belong neither to ``bundle`` nor to the system."""
    known = (str(bundle), "/usr/lib/", "/lib/", "/lib64/")
    return sorted(path for path in paths if ".so" in path and not path.startswith(known))
