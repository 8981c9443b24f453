"""Shows that the package's browser keeps its renderers in Chromium's sandbox, by what the kernel says of them.

The day of the drill cannot: it needs root for its card reader, and runs without the sandbox. So the package makes a
pack, and an unprivileged user its pre-flight in production mode, which opens a page in the same locked browser.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import psutil

from assets.packaging.certificates import make_site

NOBODY = 65534
TOOL_TIMEOUT_S = 60.0
PREFLIGHT_TIMEOUT_S = 180.0
WEAKENING = (
    *("--no-sandbox", "--disable-seccomp", "--disable-namespace", "--disable-setuid", "--no-zygote "),
    *("--single-process", "--in-process", "--remote-debugging"),
)
"""With a space: ``--no-zygote-sandbox`` is Chromium's own word for a zygote from which no renderer comes."""


class SandboxError(Exception):
    """The renderers are not where they must be, or could not be looked at."""


def as_nobody() -> list[str]:
    """Return the front of a command line that gives up root, if we are it. The unit has no new privileges either."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]


def has_user_namespaces() -> bool:
    """Whether this machine gives an unprivileged user what the sandbox is built of."""
    return subprocess.run([*as_nobody(), "unshare", "--user", "true"], capture_output=True, check=False).returncode == 0


def check_sandbox(executable: str, folder: Path) -> int:
    """Open a page with the package's browser as an unprivileged user; return how many renderers were looked at.

    Args:
        executable: of the unpacked package; others must be able to reach it.
        folder: to be made; others must be able to reach its parent.

    Raises:
        SandboxError: with what is wrong.
    """
    folder.mkdir(mode=0o755)
    home = folder / "home"
    home.mkdir(mode=0o700)
    authority, certificate = make_site(folder)
    with _site(certificate) as site:
        pack, key = _signed_pack(executable, folder, f"https://127.0.0.1:{site.server_port}", authority)
        config, findings = folder / "booth.toml", home / "findings.json"
        config.write_text(
            f'schema_version = 1\n[place]\nbooth_id = "check"\n[main_site]\npack_keys = ["{key}"]\n', encoding="utf-8"
        )
        if os.geteuid() == 0:
            shutil.chown(home, NOBODY, NOBODY)
        command = [*as_nobody(), executable, "-m", "kiosk_config", "pack", "preflight", str(pack)]
        command += ["--config", str(config), "--json", str(findings)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "LANG": "C.UTF-8"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as preflight:
            deadline = threading.Timer(PREFLIGHT_TIMEOUT_S, preflight.kill)
            deadline.start()
            try:
                looked_at = _look(preflight)
                _Held.looked.set()
                output, _ = preflight.communicate()
            finally:
                deadline.cancel()
                _Held.looked.set()
                preflight.kill()
    if preflight.returncode:
        raise SandboxError(f"the pre-flight of a good main site ended with {preflight.returncode}: {output[-800:]!r}")
    return looked_at


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_facts: object) -> None:
        """Stay silent: the pre-flight hangs up when it has seen enough."""


class _Held(BaseHTTPRequestHandler):
    """A page that is not complete until somebody has looked."""

    opened: ClassVar[threading.Event]
    looked: ClassVar[threading.Event]

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        if self.path == "/held.png":
            self.opened.set()
            self.looked.wait(PREFLIGHT_TIMEOUT_S)
        self._answer(b"<!doctype html><title>x</title><img src=/held.png>")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Stay silent."""


@contextmanager
def _site(certificate: Path) -> Iterator[ThreadingHTTPServer]:
    _Held.opened, _Held.looked = threading.Event(), threading.Event()
    server = _Server(("127.0.0.1", 0), _Held)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake is the handler's: one that hangs must not hold the others up.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        _Held.looked.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _signed_pack(executable: str, folder: Path, origin: str, authority: str) -> tuple[Path, str]:
    """Return a pack made with the package's own commands, and the key that a booth trusts it by."""
    tool = [executable, "-m", "kiosk_config", "pack"]
    description, private = folder / "site.toml", folder / "pack.key"
    key = _run([*tool, "keygen", str(private)]).strip()
    _run([*tool, "new", "--id", "check", "--name", "检查", "--origin", origin, str(description)])
    trusted = f"certificate_authorities = [{json.dumps(authority)}]\n"
    text = description.read_text(encoding="utf-8").replace("[[origins]]", f"{trusted}[[origins]]", 1)
    description.write_text(text, encoding="utf-8")
    _run([*tool, "check", str(description)])
    _run([*tool, "sign", str(description), "--key", str(private)])
    pack = description.with_suffix(".pack")
    _run([*tool, "show", str(pack), "--keys", key])
    pack.chmod(0o644)
    return pack, key


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False)
    if done.returncode:
        raise SandboxError(f"{' '.join(command[1:5])}: exit code {done.returncode}, {done.stderr[-500:]}")
    return done.stdout


def _look(preflight: subprocess.Popen[bytes]) -> int:
    while not _Held.opened.wait(0.1):
        if preflight.poll() is not None:
            raise SandboxError(f"no page was opened: {(preflight.stdout.read() if preflight.stdout else b'')[-800:]!r}")
    root = psutil.Process(preflight.pid)
    processes = [root, *root.children(recursive=True)]
    problems = list(switch_problems(" ".join(process.cmdline()) for process in processes))
    renderers = [process.pid for process in processes if _is_renderer(process)]
    if not renderers:
        raise SandboxError("a page is open, and there is no renderer")
    if problems := problems + [each for pid in renderers for each in renderer_problems(pid)]:
        raise SandboxError("; ".join(problems))
    return len(renderers)


def _is_renderer(process: psutil.Process) -> bool:
    """Whether it is what a zygote forks for pages. Qt WebEngine leaves it the zygote's command line."""
    words = process.cmdline()
    is_other = {"--no-zygote-sandbox", "--type=gpu-process", "--type=utility"} & set(words)
    return process.name() == "QtWebEngineProcess" and not is_other and not process.children()


def switch_problems(command_lines: Iterable[str]) -> Iterator[str]:
    """Yield the switches that take from the sandbox, or let somebody else steer the browser."""
    for words in command_lines:
        yield from (f"{switch.strip()} on a command line" for switch in WEAKENING if switch in f"{words} ")


def renderer_problems(pid: int) -> Iterator[str]:
    """Yield what the kernel says of a process that it would not say of a renderer in the sandbox."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    for name, wanted in (("Seccomp", "2"), ("NoNewPrivs", "1"), ("CapEff", "0" * 16)):
        if status[name] != wanted:
            yield f"renderer {pid}: {name} is {status[name]}, not {wanted}"
    if "0" in status["Uid"].split():
        yield f"renderer {pid} is root's"
    for kind in ("user", "pid", "net"):
        if Path(f"/proc/{pid}/ns/{kind}").readlink() == Path(f"/proc/self/ns/{kind}").readlink():
            yield f"renderer {pid} has no {kind} namespace of its own"
