"""The child of the conference's tests, and an X server for it: only there is a screen that could be captured."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WAIT_S = 30.0
CHILD = Path(__file__).with_name("conference_process.py")
CHANNEL = (
    "new QWebChannel(qt.webChannelTransport, (c) => { window.heard = []; window.b = c.objects.booth;"
    " b.told.connect((t) => heard.push(JSON.parse(t))); })"
)
Event = dict[str, Any]


class Booth:
    """The child, its events in order."""

    def __init__(self, display: str) -> None:
        root = str(CHILD.parents[2])
        environment = os.environ | {"QT_QPA_PLATFORM": "xcb", "DISPLAY": display, "PYTHONPATH": root}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.events: list[Event] = []
        self.errors: list[str] = []
        self._news = threading.Condition()
        self._seen: dict[str, int] = {}
        streams = ((self._process.stdout, self._take), (self._process.stderr, self.errors.append))
        self._readers = [threading.Thread(target=self._read, args=each, daemon=True) for each in streams]
        for reader in self._readers:
            reader.start()
        self.wait("ready")

    def _read(self, stream: Any, take: Any) -> None:
        with stream:
            for line in stream:
                take(line)

    def _take(self, line: str) -> None:
        with self._news:
            self.events.append(json.loads(line))
            self._news.notify_all()

    def send(self, do: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def wait(self, event: str, timeout_s: float = WAIT_S, **facts: Any) -> Event:
        """Return the next such event after the one of this name that was waited for last."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                first = self._seen.get(event, 0)
                for index, found in enumerate(self.events[first:], first):
                    if found["event"] == event and facts.items() <= found.items():
                        self._seen[event] = index + 1
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or self._process.poll() is not None:
                    raise AssertionError(f"no {event} {facts}: {self.events[-15:]} {self.errors[-5:]}")
                self._news.wait(min(left, 0.2))

    def has(self, event: str, **facts: Any) -> bool:
        return any(each["event"] == event and facts.items() <= each.items() for each in list(self.events))

    def run(self, script: str) -> Any:
        self.send("run", script=script)
        return self.wait("answer")["value"]

    def run_until(self, script: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if value := self.run(script):
                return value
            time.sleep(0.05)
        raise AssertionError(f"{script} did not become true: {self.events[-10:]}")

    def settled(self, promise: str) -> str:
        """Return what a promise came to: its value, or the name of its error."""
        self.run(f"window.out = ''; ({promise}).then((v) => out = 'got ' + v, (e) => out = 'no ' + e.name); 1")
        return str(self.run_until("window.out"))

    def open(self, **plan: Any) -> None:
        """Join, and take the page's place at the channel."""
        self.send("plan", **plan)
        self.send("join")
        self.wait("said", kind="ready")
        self.run(CHANNEL + "; 1")
        self.run_until("!!window.b")

    def say(self, kind: str, **facts: Any) -> None:
        self.run(f"b.say({json.dumps(json.dumps({'kind': kind, **facts}))}); 1")

    def heard(self, kind: str) -> Event:
        text = self.run_until(f"JSON.stringify(heard.filter((m) => m.kind === {json.dumps(kind)}).at(-1) || null)")
        assert text != "null", f"the page heard no {kind}"
        return dict(json.loads(text))

    def begin(self) -> None:
        """Be as at the start: nobody is in a meeting."""
        self.send("leave")
        self.send("plug", name="own")
        self.send("refuse", code="", retryable=True)
        self.send("plan", server="ws://127.0.0.1:9")
        self.send("echo")
        self.wait("echo")
        with self._news:
            assert not self.has("lane-crashed"), self.events
            self.events.clear()
            self._seen.clear()

    def end(self) -> None:
        self.send("end")
        try:
            code = self._process.wait(WAIT_S)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            for reader in self._readers:
                reader.join(5)
        assert code == 0, self.errors[-20:]
        bad = [line for line in self.errors if "Traceback" in line or "Release of profile" in line]
        assert not bad, self.errors[-20:]
        assert not self.has("lane-crashed"), self.events


@contextlib.contextmanager
def x_server() -> Iterator[str]:
    """Run an X server and give its display."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x960x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as number:
        name = f":{number.readline().strip()}"
    try:
        yield name
    finally:
        server.terminate()
        server.wait(WAIT_S)
