"""The booth's side of a meeting in the real engine: who is told what, what the page does not get, and what is left."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from tests.integration.conference_booth import CHANNEL, Booth, x_server


@pytest.fixture(scope="module")
def child() -> Iterator[Booth]:
    with x_server() as display:
        started = Booth(display)
        yield started
        started.end()


@pytest.fixture
def booth(child: Booth) -> Booth:
    child.begin()
    return child


class Elsewhere(ThreadingHTTPServer):
    """Counts who reaches it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_meeting_from_joining_to_leaving(booth: Booth) -> None:
    booth.open(mask=True, voice=True, desktop=False)
    booth.wait("media-started", mask=True, voice=True)
    booth.wait("headset-taken", name="own.in")
    booth.say("phase", phase="joined", people=3)
    assert booth.wait("noted", kind="conference_joined")["facts"]["people"] == 3
    booth.wait("pane", phase="joined", recorded=True)
    booth.say("wish", microphone=True, camera=True)
    booth.wait("wished", microphone=True, camera=True, capture="own.in")
    booth.wait("frame")
    booth.send("status", video="live", voice="proving")
    assert booth.run_until("heard.some((m) => m.kind === 'protected' && m.video === 'live')")
    assert booth.heard("level")["dbfs"] == -100.0
    booth.send("hold", held=True)
    booth.wait("wished", microphone=False, camera=False)
    assert booth.heard("hold")["on"] is True
    booth.send("hold", held=False)
    booth.wait("wished", microphone=True, camera=True)
    booth.say(
        "statistics", rtt_ms=18, jitter_ms=3, loss=0, sent_kbps=500, received_kbps=900, width=640, height=360, fps=-1
    )
    assert booth.wait("reading", state="ok")["values"] == {
        "rtt_ms": 18, "jitter_ms": 3, "loss": 0, "sent_kbps": 500, "received_kbps": 900, "width": 640, "height": 360,
    }  # fmt: skip
    booth.say("muted", by_moderator=True)
    booth.wait("noted", kind="muted_by_moderator")
    booth.send("leave")
    booth.wait("media-closed")
    booth.wait("view", there=False)
    booth.wait("noted", kind="conference_left")
    booth.wait("pane", phase="none")
    booth.wait("headset-given-back")


def test_joining_twice_for_one_stay_is_joining_once(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.send("join")
    booth.say("phase", phase="joined", people=1)
    booth.wait("pane", phase="joined")
    assert sum(each["event"] == "media-started" for each in booth.events) == 1


def test_without_a_ticket_the_meeting_is_lost_until_there_is_one(booth: Booth) -> None:
    booth.send("refuse", code="E-502", retryable=True)
    booth.send("join")
    booth.wait("raised", code="E-407")
    booth.wait("asked")
    booth.send("refuse", code="", retryable=True)
    booth.wait("cleared", code="E-407")
    booth.wait("said", kind="ready")


def test_a_lost_meeting_is_told_after_a_while_and_journaled_with_its_duration(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.say("phase", phase="joined", people=2)
    booth.wait("pane", phase="joined")
    booth.say("phase", phase="lost", reason="server-gone")
    assert booth.wait("noted", kind="conference_lost")["facts"] == {"reason": "server-gone"}
    booth.wait("raised", code="E-407")
    booth.say("phase", phase="joined", people=2)
    assert booth.wait("noted", kind="conference_back")["facts"]["duration_s"] > 0
    booth.wait("cleared", code="E-407")


def test_a_refused_rejoin_gets_a_fresh_ticket(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.say("phase", phase="joined", people=2)
    booth.say("phase", phase="lost", reason="refused")
    booth.wait("asked")
    assert booth.run_until("heard.some((m) => m.kind === 'renew' && m.ticket.participant_id === 'p1')")


@pytest.mark.parametrize(
    ("plan", "status", "is_told"),
    [
        ({"mask": True}, {"video": "stopped", "voice": "live", "video_fault": "mask"}, True),
        ({"voice": True}, {"video": "live", "voice": "stopped", "voice_fault": "voice"}, True),
        ({"mask": True}, {"video": "stopped", "voice": "live", "video_fault": "process"}, True),
        ({}, {"video": "stopped", "voice": "live", "video_fault": "mask"}, False),
        ({"mask": True}, {"video": "stopped", "voice": "live", "video_fault": "camera"}, False),
    ],
)
def test_a_protection_that_is_demanded_and_fails(
    booth: Booth, plan: dict[str, bool], status: dict[str, str], is_told: bool
) -> None:
    booth.open(desktop=False, **plan)
    booth.send("status", **status)
    booth.run_until("heard.some((m) => m.kind === 'protected' && [m.video, m.voice].includes('stopped'))")
    if is_told:
        booth.wait("raised", code="E-408")
        booth.send("status", video="live", voice="live")
        booth.wait("cleared", code="E-408")
    else:
        booth.say("phase", phase="joined", people=1)
        booth.wait("pane", phase="joined")
        assert not booth.has("raised", code="E-408")


def test_a_media_process_that_dies_is_started_again_with_a_page_that_begins_muted(booth: Booth) -> None:
    booth.open(mask=True, desktop=False)
    booth.say("wish", microphone=True, camera=True)
    booth.wait("wished", camera=True)
    booth.send("die")
    booth.wait("noted", kind="media_process_lost")
    booth.wait("raised", code="E-408")
    booth.wait("media-started")
    booth.wait("said", kind="ready")
    booth.wait("cleared", code="E-408")


def test_the_spare_headset_is_taken_by_itself(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.send("plug", name="")
    booth.wait("raised", code="E-404")
    booth.wait("wished", capture="")
    booth.send("plug", name="other", is_spare=True)
    assert booth.wait("noted", kind="headset_switched")["facts"] == {"is_spare": True}
    booth.wait("wished", capture="other.in")
    booth.wait("cleared", code="E-404")
    assert booth.heard("sound")["label"] == "other 耳麦"


def test_a_renderer_that_crashes_comes_back_and_joins_again(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.say("phase", phase="joined", people=2)
    booth.wait("pane", phase="joined")
    booth.send("renderer")
    os.kill(booth.wait("answer")["value"], signal.SIGKILL)
    assert booth.wait("noted", kind="conference_lost")["facts"] == {"reason": "page-crashed"}
    booth.wait("said", kind="ready")
    booth.run(CHANNEL + "; 1")
    booth.run_until("!!window.b")
    booth.say("phase", phase="joined", people=2)
    booth.wait("noted", kind="conference_back")


def test_a_flood_of_messages_costs_the_page_its_life(booth: Booth) -> None:
    booth.open(desktop=False)
    booth.run('for (let i = 0; i < 1000; i++) b.say(\'{"kind": "present"}\'); 1')
    booth.wait("noted", kind="conference_refused")
    booth.wait("said", kind="ready")
    assert sum(each["event"] == "choice" for each in booth.events) < 200


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"kind": "phase", "phase": "gone"}', '{"kind": "turn", "page": 0}']
)
def test_what_is_none_of_the_pages_words_is_dropped(booth: Booth, text: str) -> None:
    booth.open(desktop=False)
    booth.run(f"b.say({json.dumps(text)}); b.deleteLater && 1; 1")
    booth.say("present")
    booth.wait("choice")


# --- what the page does not get ---


def test_the_page_reaches_nobody_else(booth: Booth, elsewhere: Elsewhere) -> None:
    booth.open(desktop=False)
    origin = f"127.0.0.1:{elsewhere.port}"
    assert booth.settled(f"fetch('http://{origin}/fetch', {{mode: 'no-cors'}})").startswith("no")
    socket = f"new Promise((yes, no) => {{ const s = new WebSocket('ws://{origin}/socket'); s.onopen = () => yes(1);"
    assert booth.settled(socket + " s.onerror = () => no(new TypeError()) })") == "no TypeError"
    booth.wait("noted", kind="conference_refused")
    worker = (
        "new Promise((yes, no) => { const w = new Worker(URL.createObjectURL(new Blob(["
        f"\"const s = new WebSocket('ws://{origin}/worker'); s.onopen = () => postMessage(1);"
        ' s.onerror = () => postMessage(0)"])));'
        " w.onmessage = (e) => e.data ? yes(1) : no(new TypeError()); w.onerror = () => no(new TypeError()) })"
    )
    assert booth.settled(worker) == "no TypeError"
    booth.run(f"const i = new Image(); i.src = 'http://{origin}/image'; 1")
    booth.run(f"window.open('http://{origin}/window'); 1")
    booth.run(f"location.href = 'http://{origin}/page'; 1")
    booth.run(f"const f = document.createElement('iframe'); f.src = 'http://{origin}/f'; document.body.append(f); 1")
    booth.run("const a = document.createElement('a'); a.href = 'index.html'; a.download = 'x'; a.click(); 1")
    time.sleep(1.0)
    assert booth.run("location.href") == "booth-conference://page/"
    assert elsewhere.paths == []


def test_the_media_process_and_the_ticket_server_are_reached(booth: Booth, elsewhere: Elsewhere) -> None:
    booth.open(desktop=False, server=f"ws://127.0.0.1:{elsewhere.port}/janus")
    socket = f"new Promise((yes) => {{ const s = new WebSocket('ws://127.0.0.1:{elsewhere.port}/janus');"
    booth.settled(socket + " s.onerror = () => yes(1) })")  # it is no WebSocket server, but it was asked
    assert set(elsewhere.paths) == {"/janus"}
    assert not booth.has("noted", kind="conference_refused")


@pytest.mark.parametrize("wish", ["{audio: true}", "{video: true}", "{audio: true, video: true}"])
def test_camera_and_microphone_are_refused(booth: Booth, wish: str) -> None:
    booth.open()
    assert booth.settled(f"navigator.mediaDevices.getUserMedia({wish})").startswith("no ")


@pytest.mark.parametrize(
    "call",
    [
        "navigator.clipboard.readText()",
        "new Promise((y, n) => navigator.geolocation.getCurrentPosition(y, () => n(new TypeError())))",
        "Notification.requestPermission().then((a) => { if (a !== 'granted') throw new TypeError() })",
        "navigator.mediaDevices.getDisplayMedia({video: true})",
    ],
)
def test_permissions_are_refused(booth: Booth, call: str) -> None:
    booth.open(desktop=False)
    assert booth.settled(call).startswith("no ")


DISPLAY = (
    "navigator.mediaDevices.getDisplayMedia({video: true}).then((s) => { window.s = s; return s.getTracks()[0].kind })"
)


def test_the_screen_is_given_where_the_project_is_monitored(booth: Booth) -> None:
    booth.open(desktop=True)
    assert booth.settled(DISPLAY) == "got video"
    booth.say("phase", phase="joined", people=1)
    booth.wait("pane", phase="joined")
    booth.say("desktop", running=True, age_s=0.2)
    booth.wait("noted", kind="desktop_monitoring_started")
    booth.wait("pane", monitoring="running")
    booth.say("desktop", running=False, age_s=-1)
    assert booth.wait("noted", kind="desktop_monitoring_stopped")["facts"]["duration_s"] >= 0
    booth.wait("pane", monitoring="broken")


def test_a_document_of_the_session_is_shown_page_by_page(booth: Booth, tmp_path: Path) -> None:
    image = QImage(320, 200, QImage.Format.Format_RGB32)
    image.fill(0xFF3355)
    file = tmp_path / "a.png"
    assert image.save(str(file))
    booth.open(desktop=False)
    booth.say("present")
    booth.wait("choice")
    booth.send("present", file=str(file), kind="png")
    assert booth.wait("noted", kind="document_shown")["facts"] == {"pages": 1}
    assert booth.run_until("heard.some((m) => m.kind === 'document-page')")
    page = booth.heard("document-page")
    assert (page["page"], page["pages"], page["picture"][:4]) == (1, 1, "/9j/")
    booth.send("present", file=str(tmp_path / "none.pdf"), kind="pdf")
    assert booth.run_until("heard.some((m) => m.kind === 'document-end')")
