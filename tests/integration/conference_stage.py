"""What the tests of the conference page stand on: rooms on a real Janus, pages in processes, scripted media."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import math
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from drivers.simulated.janus import JanusService
from workstation.conference.contract import BLOCK, HEADER, PROTECTED, SAMPLE_RATE
from workstation.site.conference import ConferencePlan, ConferenceRole, ConferenceTicket, RoomAccess

ROOM, DESKTOP, PIN, SECRET = "meeting-1", "meeting-1-desktop", "pin-1", "secret-1"
PATIENCE_S = 30.0


def make_rooms(janus: JanusService) -> None:
    """Make the rooms of one meeting, as the site server does."""
    with requests.Session() as web:

        def ask(path: str, **body: Any) -> Any:
            stamp = {"transaction": "t", "token": token(janus)}
            answer = web.post(janus.http + path, json=body | stamp, timeout=10).json()
            assert answer["janus"] == "success", answer
            return answer

        session = ask("", janus="create")["data"]["id"]
        common = {"admin_key": janus.admin_key, "secret": SECRET, "pin": PIN, "is_private": True}
        video = {"publishers": 16, "videocodec": "vp8", "audiocodec": "opus", "notify_joining": True, "fir_freq": 5}
        for plugin, key, rooms in (
            ("videoroom", "request", [
                video | {"room": ROOM, "bitrate": 512_000, "audiolevel_event": True},
                video | {"room": DESKTOP, "bitrate": 800_000},
            ]),
            ("textroom", "request", [{"room": ROOM, "history": 200}, {"room": f"{ROOM}-documents"}]),
        ):  # fmt: skip
            handle = ask(f"/{session}", janus="attach", plugin=f"janus.plugin.{plugin}")["data"]["id"]
            for room in rooms:
                answer = ask(f"/{session}/{handle}", janus="message", body={key: "create"} | common | room)
                assert answer["plugindata"]["data"].get(plugin) == "created", answer
        ask(f"/{session}", janus="destroy")


def token(janus: JanusService) -> str:
    words = f"{int(time.time()) + 3600},janus,janus.plugin.videoroom,janus.plugin.textroom"
    digest = hmac.digest(janus.token_secret.encode(), words.encode(), hashlib.sha1)
    return f"{words}:{base64.b64encode(digest).decode()}"


def ticket(
    janus: JanusService, name: str, alias: str, role: ConferenceRole = ConferenceRole.EXPERT
) -> ConferenceTicket:
    is_expert = role is ConferenceRole.EXPERT
    return ConferenceTicket(
        server=janus.websocket,
        token=token(janus),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        meeting=RoomAccess(room=ROOM, pin=PIN, secret=SECRET if role is ConferenceRole.MODERATOR else ""),
        desktop=RoomAccess(room=DESKTOP, pin=PIN) if is_expert or role is ConferenceRole.SUPERVISOR else None,
        participant_id=name,
        alias=alias,
        role=role,
        plan=ConferencePlan(desktop=is_expert),
    )


class FakeMedia:
    """Stands for the media process: pictures of one colour and a tone, from a WebSocket on loopback.

    Attributes:
        sends, is_protected: what comes now, and whether it is marked as protected; changed by tests.
        origins: what the page said it is.
    """

    def __init__(self, yuv: tuple[int, int, int], tone_hz: float, size: tuple[int, int] = (320, 180)) -> None:
        self._size, self._tone_hz = size, tone_hz
        width, height = size
        self._picture = bytes([yuv[0]]) * (width * height) + b"".join(
            bytes([each]) * (width * height // 4) for each in yuv[1:]
        )
        self.sends = {"video", "audio"}
        self.is_protected = True
        self.origins: list[str | None] = []
        self._over = threading.Event()
        self._server = serve(self._serve, "127.0.0.1", 0, compression=None, max_size=None)
        self._thread = threading.Thread(target=self._server.serve_forever, name="fake-media")
        self.address = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/key"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()

    def picture(self, _block: int) -> bytes:
        """Return what is seen after so many blocks of 10 ms, as I420."""
        return self._picture

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.origins.append(connection.request.headers.get("Origin"))
        began, block = time.monotonic(), 0
        with contextlib.suppress(ConnectionClosed):
            while not self._over.is_set():
                if "audio" in self.sends:
                    connection.send(self._sound(block))
                if "video" in self.sends and block % 7 == 0:
                    connection.send(self._header(1, *self._size, 0, block) + self.picture(block))
                block += 1
                self._over.wait(max(0.0, began + block * 0.01 - time.monotonic()))

    def _sound(self, block: int) -> bytes:
        step = 2 * math.pi * self._tone_hz / SAMPLE_RATE
        samples = (round(12_000 * math.sin(step * (block * BLOCK + n))) for n in range(BLOCK))
        return self._header(2, 0, 0, BLOCK, block) + struct.pack(f"<{BLOCK}h", *samples)

    def _header(self, kind: int, width: int, height: int, samples: int, block: int) -> bytes:
        return HEADER.pack(kind, PROTECTED if self.is_protected else 0, width, height, samples, block * 10_000)


class Wire:
    """A line to a TCP port on loopback that a test can cut: both ends see their connections break.

    Attributes:
        port: where the line begins.
        cuts: connections that were cut so far.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for pair in self._pairs:
            for end in pair:
                end.close()

    def cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                    self.cuts += 1

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._pairs.append((near, far))
                self._start(self._pump, near, far)
                self._start(self._pump, far, near)

    def _start(self, work: Callable[..., None], *ends: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=ends, name="wire"))
        self._threads[-1].start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


class PageProcess:
    """The page in a process of its own; every wait is bounded."""

    def __init__(self, *, size: tuple[int, int] = (414, 980), flags: str = "--disable-gpu") -> None:
        environment = os.environ | {
            "QT_QPA_PLATFORM": os.environ.get("CONFERENCE_PAGE_PLATFORM", "offscreen"),
            "QTWEBENGINE_DISABLE_SANDBOX": "1",
            "QTWEBENGINE_CHROMIUM_FLAGS": flags,
            "QT_QUICK_BACKEND": "software",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        script = Path(__file__).with_name("conference_page_process.py")
        command = [sys.executable, str(script), *map(str, size)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self.console: list[str] = []
        self.permissions: list[str] = []
        self._results: queue.Queue[Any] = queue.Queue()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._read, name="page")
        self._thread.start()
        assert self._started.wait(PATIENCE_S), "the page's process did not start"

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._process.stdout.close()

    def open(self, url: str = "") -> None:
        self._do("open", url=url)

    def tell(self, kind: str, **facts: Any) -> None:
        self._do("tell", text=json.dumps({"kind": kind, **facts}))

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        self._do("run", script=f"JSON.stringify({script.strip().rstrip(';')}) ?? null")
        result = self._results.get(timeout=PATIENCE_S)
        return json.loads(result) if result else None

    def grab(self, path: Path) -> None:
        self._do("grab", path=str(path))
        self._results.get(timeout=PATIENCE_S)

    def last(self, kind: str) -> dict[str, Any]:
        return next((each for each in reversed(self.said) if each["kind"] == kind), {})

    def wait(self, what: str, condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not in {timeout_s} s; {self.console[-5:]}; {self.said[-5:]}"
            time.sleep(0.05)

    def wait_for(self, script: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a JavaScript expression is true."""
        self.wait(script, lambda: self.run(f"Boolean({script})"), timeout_s)

    def join(self, way_in: ConferenceTicket, media: FakeMedia | None = None, *, large_text: bool = False) -> None:
        self.open()
        self.wait("ready", lambda: self.last("ready"))
        self.tell("protected", video="live", voice="live", fault="")
        address = media.address if media else ""
        self.tell("join", ticket=way_in.model_dump(mode="json"), media=address, large_text=large_text)
        self.wait("joined", lambda: self.last("phase").get("phase") == "joined")

    def press(self, name: str) -> None:
        self.run(f"document.querySelector('[data-name={name}]').click()")

    def chat(self, text: str) -> None:
        self.run(
            f"(() => {{ const field = document.querySelector('.chat textarea'); field.value = {json.dumps(text)};"
            "field.form.requestSubmit(); })()"
        )

    def _do(self, do: str, **facts: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **facts}) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            match message["event"]:
                case "started":
                    self._started.set()
                case "said":
                    self.said.append(json.loads(message["text"]))
                case "console":
                    self.console.append(f"{message['at']} {message['text']}")
                case "permission":
                    self.permissions.append(message["kind"])
                case "done":
                    self._results.put(message["result"])


@contextlib.contextmanager
def pages() -> Iterator[Callable[..., PageProcess]]:
    """Give a maker of pages that are all closed at the end."""
    made: list[PageProcess] = []

    def make(**options: Any) -> PageProcess:
        made.append(PageProcess(**options))
        return made[-1]

    try:
        yield make
    finally:
        for page in made:
            page.close()


LOOK = """
(() => {
  const video = document.querySelector('.tile[data-id="%s"] video');
  if (!video || video.hidden || !video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
})()
"""
"""Reads the colour of somebody's picture, [red, green, blue]."""

LISTEN = """
(() => {
  const audio = document.querySelector('.tile[data-id="%s"] audio');
  if (!audio?.srcObject) return 0;
  window.ears ??= {};
  const track = audio.srcObject.getTracks()[0];
  if (window.ears.track !== track) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    window.ears = { track, context, analyser };
  }
  const { analyser, context } = window.ears;
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const loudest = levels.indexOf(Math.max(...levels));
  return levels[loudest] > -60 ? loudest * context.sampleRate / analyser.fftSize : 0;
})()
"""
"""Reads the loudest frequency of somebody's sound in Hz, 0 for silence."""
