"""Chromium's sandbox, as the kernel sees it: the production way to a page, run by an unprivileged user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.test_main_site_trust import Booth, TlsSite, make_pack
from tests.tls_certificates import make_authority, make_leaf

NOBODY = 65534
# Not --no-zygote-sandbox: Chromium's own word for its second zygote, from which no renderer comes.
WEAKENING = (
    *("--no-sandbox", "--disable-seccomp", "--disable-namespace", "--disable-setuid", "--no-zygote "),
    *("--single-process", "--in-process", "--remote-debugging"),
)


def as_nobody() -> list[str]:
    """Return the front of a command line that gives up root, if we are it."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]


def may_make_user_namespaces() -> bool:
    done = subprocess.run([*as_nobody(), "unshare", "--user", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of the unprivileged user's. Pytest's own may not be entered by others."""
    folder = Path(tempfile.mkdtemp(prefix="booth-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_renderer_of_a_production_start_is_sandboxed(home: Path, tmp_path: Path) -> None:
    assert may_make_user_namespaces(), "without user namespaces for everybody Chromium cannot build its sandbox"
    authority = make_authority()
    site = TlsSite(tmp_path, make_leaf(authority))
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    booth = Booth(home, None, prefix=as_nobody(), environment=environment, drill=False)
    try:
        assert booth.open(make_pack(site, certificate_authorities=[authority.pem])) == "opened"
        browser = booth.process.pid
        booth.send("renderer")
        renderer = booth.wait_for("done")["result"]
        assert status(browser)["Uid"].split()[0] != "0"
        seen = status(renderer)
        assert seen["Seccomp"] == "2", "the system call filter"
        assert len(seen["NSpid"].split()) > len(status(browser)["NSpid"].split()), "a process namespace of its own"
        assert seen["NoNewPrivs"] == "1"
        assert int(seen["CapEff"], 16) == 0
        for kind in ("user", "pid", "net"):
            own, parents = (Path(f"/proc/{pid}/ns/{kind}").readlink() for pid in (renderer, browser))
            assert own != parents, kind
        for process in (psutil.Process(browser), *psutil.Process(browser).children(recursive=True)):
            words = " ".join(process.cmdline())  # a forked one writes them as one word
            assert not [switch for switch in WEAKENING if switch in words], words
    finally:
        booth.stop()
        site.close()
