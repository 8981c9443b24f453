"""Child process of the conference's tests: the real bridge and page in the real engine, with scripted neighbours.

Takes JSON commands on stdin, tells events on stdout. QtWebEngine wants a process of its own in tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSocketNotifier, QTimer, Slot
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, Frame, HeadsetPair, SoundEndpoint
from drivers.errors import DeviceError, ErrorCode, KioskError
from workstation.bridge.conference import ConferenceBridge
from workstation.bridge.conference_media import MediaBridge
from workstation.bridge.conference_ticket import TicketBridge
from workstation.bridge.headset import HeadsetBridge
from workstation.conference.contract import Anonymity, MediaAddress, MediaFault, MediaStatus, MediaWish, StreamPhase
from workstation.conference.reach import Reach
from workstation.conference.troubles import LOST_PROCESS
from workstation.evaluation import engine
from workstation.site.conference import ConferencePlan, ConferenceRole, ConferenceTicket, RoomAccess

SESSION = "6f1c3a52-63a7-4b0e-9d5c-0c7cf0d2a001"
OFF = MediaStatus(video=StreamPhase.OFF, voice=StreamPhase.OFF)


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


class Site:
    """Gives tickets, or the error that it is told to give."""

    def __init__(self) -> None:
        self.error: KioskError | None = None
        self.plan = ConferencePlan()
        self.server = "ws://127.0.0.1:9"
        self.life_s = 3600.0

    def conference(self, _arrival_id: UUID, _project_id: str) -> ConferenceTicket:
        tell("asked")
        if self.error is not None:
            raise self.error
        return ConferenceTicket(
            server=self.server,
            token="t",
            expires_at=datetime.now(UTC) + timedelta(seconds=self.life_s),
            meeting=RoomAccess(room="r", pin="p"),
            desktop=RoomAccess(room="r-desktop", pin="p") if self.plan.desktop else None,
            participant_id="p1",
            alias="评委 07",
            role=ConferenceRole.EXPERT,
            plan=self.plan,
        )


class ScriptedMedia:
    """A media process that says what it is told to say."""

    port = 9

    def __init__(self) -> None:
        self.statuses: queue.Queue[MediaStatus] = queue.Queue()
        self._last = OFF
        self._frames = 0

    def start(self, anonymity: Anonymity) -> MediaAddress:
        tell("media-started", mask=anonymity.mask, voice=anonymity.voice)
        self.statuses.put(OFF)
        return MediaAddress(port=ScriptedMedia.port, key="k")

    def wish(self, wish: MediaWish) -> None:
        tell("wished", microphone=wish.microphone, camera=wish.camera, capture=wish.capture)

    def offer(self, _frame: Frame) -> bool:
        self._frames += 1
        if self._frames == 1:
            tell("frame")
        return True

    def wait_status(self, timeout_s: float) -> MediaStatus:
        with contextlib.suppress(queue.Empty):
            self._last = self.statuses.get(timeout=timeout_s)
        return self._last

    def close(self) -> None:
        tell("media-closed")


class ScriptedCamera:
    def present(self) -> DeviceStatus:
        return DeviceStatus(kind=DeviceKind.CAMERA, state=DeviceState.READY)

    def open(self) -> None:
        tell("camera-opened")

    def read(self, *, timeout_s: float) -> Frame:
        del timeout_s
        time.sleep(0.05)
        return Frame(image=np.zeros((4, 4, 3), np.uint8), captured_at=time.monotonic())

    def close(self) -> None:
        return


class ScriptedHeadset:
    def __init__(self) -> None:
        self.plugged: HeadsetPair | None = pair("own")
        self.moved = threading.Event()

    def status(self) -> DeviceStatus:
        return DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.READY)

    def pair(self) -> HeadsetPair | None:
        return self.plugged

    def take(self) -> HeadsetPair:
        if self.plugged is None:
            raise DeviceError(ErrorCode.HEADSET_ABSENT)
        tell("headset-taken", name=self.plugged.capture.name)
        return self.plugged

    def give_back(self) -> None:
        tell("headset-given-back")

    def wait(self, *, timeout_s: float, cancel: CancelToken) -> None:
        cancel.wait(min(timeout_s, 0.05))

    def close(self) -> None:
        return


def pair(name: str, *, is_spare: bool = False) -> HeadsetPair:
    return HeadsetPair(
        playback=SoundEndpoint(name=f"{name}.out", description=f"{name} 耳麦"),
        capture=SoundEndpoint(name=f"{name}.in", description=name),
        is_spare=is_spare,
    )


class Child(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.site, self.headset = Site(), ScriptedHeadset()
        self.medias: list[ScriptedMedia] = []
        self.tickets = TicketBridge(self)
        self.tickets.join_site(self.site)
        self.keeper = HeadsetBridge(self.headset, self)
        self.bridge = ConferenceBridge(
            tickets=self.tickets,
            media=MediaBridge(self.make_media, ScriptedCamera(), self),
            headset=self.keeper,
            make_view=self.make_view,
            parent=self,
        )
        self.window = QWidget()
        self.row = QHBoxLayout(self.window)
        self.window.resize(414, 900)
        self.window.show()
        self.view: Any = None
        self.rest = b""
        bridge = self.bridge
        bridge.condition_raised.connect(lambda code: tell("raised", code=code.value))
        bridge.condition_cleared.connect(lambda code: tell("cleared", code=code.value))
        bridge.event_found.connect(lambda kind, session, facts: tell("noted", kind=kind, session=session, facts=facts))
        bridge.pane_changed.connect(
            lambda pane: tell("pane", phase=pane.phase, monitoring=pane.monitoring, recorded=pane.is_recorded)
        )
        bridge.reading_taken.connect(lambda reading: tell("reading", state=reading.state, values=dict(reading.values)))
        bridge.choice_wanted.connect(lambda: tell("choice"))
        bridge.view_changed.connect(self.on_view_changed)
        for lane in bridge.lanes:
            lane.crashed.connect(lambda error: tell("lane-crashed", error=repr(error)))
        self.keeper.start()
        self.commands: dict[str, Callable[..., object]] = {
            "join": lambda: self.bridge.join(1, SESSION, "P-1"),
            "hold": lambda held: self.bridge.hold(held=held),
            "leave": self.bridge.leave,
            "plan": self.set_plan,
            "refuse": self.refuse,
            "status": self.say_status,
            "die": lambda: self.medias[-1].statuses.put(LOST_PROCESS),
            "plug": self.plug,
            "run": self.run,
            "renderer": lambda: tell("answer", value=self.view.page.renderProcessPid()),
            "present": lambda file, kind: self.bridge.present("文件", Path(file), kind),
            "echo": lambda: tell("echo"),
            "end": self.end,
        }
        self.notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self)
        self.notifier.activated.connect(self.on_command)

    def make_media(self) -> ScriptedMedia:
        self.medias.append(ScriptedMedia())
        return self.medias[-1]

    def make_view(self, reach: Reach, has_desktop: bool) -> Any:
        from workstation.conference.view import ConferenceView  # noqa: PLC0415 - needs the engine

        return ConferenceView(reach, has_desktop=has_desktop)

    @Slot(object)
    def on_view_changed(self, view: Any) -> None:
        tell("view", there=view is not None)
        if view is not None:
            self.row.addWidget(view)
            view.said.connect(lambda said: tell("said", kind=said.kind))
            view.page.loadFinished.connect(lambda _good: tell("loaded"))
        self.view = view

    def set_plan(self, server: str = "", life_s: float = 3600.0, **plan: bool) -> None:
        self.site.plan, self.site.life_s = ConferencePlan(**plan), life_s
        self.site.server = server or self.site.server

    def refuse(self, code: str, *, retryable: bool) -> None:
        self.site.error = KioskError(ErrorCode(code), retryable=retryable) if code else None

    def say_status(self, video: str, voice: str, video_fault: str = "", voice_fault: str = "") -> None:
        said = MediaStatus(
            video=StreamPhase(video),
            voice=StreamPhase(voice),
            video_fault=MediaFault(video_fault),
            voice_fault=MediaFault(voice_fault),
        )
        self.medias[-1].statuses.put(said)

    def plug(self, name: str = "", *, is_spare: bool = False) -> None:
        self.headset.plugged = pair(name, is_spare=is_spare) if name else None

    def run(self, script: str) -> None:
        self.view.page.runJavaScript(script, 0, lambda value: tell("answer", value=value))

    def end(self) -> None:
        self.bridge.dismiss()
        self.keeper.stop()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QTimer.singleShot(0, QApplication.quit)

    def on_command(self) -> None:
        data = os.read(sys.stdin.fileno(), 1 << 16)
        if not data:
            os._exit(1)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            self.commands[command.pop("do")](**command)


def main() -> int:
    engine.prepare_application_attributes()
    application = QApplication(sys.argv[:1])
    engine.prepare(drill=True)
    from workstation.conference.scheme import register_scheme  # noqa: PLC0415 - needs the engine

    register_scheme()
    child = Child()
    tell("ready")
    code = application.exec()
    del child
    return code


if __name__ == "__main__":
    sys.exit(main())
