"""Who takes part in the conference benchmark: the booth's media with its camera, its page, and Chromium by a link."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import requests
from websockets.sync.client import ClientConnection, connect

from drivers.contracts import Frame, Image
from tests.bench import start
from tests.integration.conference_stage import PageProcess
from workstation.conference.contract import Anonymity, MediaAddress, MediaWish
from workstation.conference.media.client import MediaClient
from workstation.site.conference import ConferenceTicket

PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.005
_PICTURE_S: Final = 1 / 15


def until(what: str, condition: Callable[[], object]) -> None:
    """Wait, looking every 5 ms."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def booth_media(
    models_dir: Path, anonymity: Anonymity, wish: MediaWish, film: Sequence[Image] = ()
) -> Iterator[tuple[MediaClient, MediaAddress]]:
    """Run the real media process, and show it the film at 15 pictures a second."""
    over = threading.Event()

    def show() -> None:
        for image in itertools.cycle(film):
            if over.wait(_PICTURE_S):
                return
            client.offer(Frame(image=image, captured_at=time.monotonic()))

    with MediaClient(models_dir=models_dir) as client:
        address = client.start(anonymity)
        client.wish(wish)
        camera = threading.Thread(target=show, name="camera")
        camera.start()
        try:
            yield client, address
        finally:
            over.set()
            camera.join()


def enter(page: PageProcess, way_in: ConferenceTicket, media: str) -> float:
    """Open the page and join; returns the seconds from the one to the other."""
    began = time.monotonic()
    page.open()
    until("ready", lambda: page.last("ready"))
    page.tell("protected", video="live", voice="live", fault="")
    page.tell("join", ticket=way_in.model_dump(mode="json"), media=media, large_text=False)
    until("joined", lambda: page.last("phase").get("phase") == "joined")
    return time.monotonic() - began


class Chromium:
    """Plain Chromium whose camera and microphone are files, told what to do through its DevTools."""

    def __init__(self, home: Path, size: tuple[int, int], film: Path, speech: Path) -> None:
        self._port_file = home / "profile" / "DevToolsActivePort"
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        self._connection: ClientConnection
        self._home = home
        self._flags = (
            f"--window-size={size[0]},{size[1]}",
            "--disable-gpu",
            "--remote-debugging-port=0",
            "--autoplay-policy=no-user-gesture-required",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
            f"--use-file-for-fake-audio-capture={speech}",
        )
        self.pid = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.pid = stack.enter_context(start.chromium(self._home, "--app=about:blank", self._flags))
            until("DevTools", lambda: self._port_file.exists() and self._port_file.read_text(encoding="utf-8").strip())
            port = self._port_file.read_text(encoding="utf-8").split()[0]
            until("a page", lambda: self._pages(port))
            self._connection = stack.enter_context(
                connect(self._pages(port)[0]["webSocketDebuggerUrl"], max_size=None, proxy=None)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self, address: str) -> None:
        self._ask("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, as if a person had pressed something."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        return answer.get("result", {}).get("result", {}).get("value")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv(PATIENCE_S))).get("id") != number:
            pass
        return dict(answer)

    @staticmethod
    def _pages(port: str) -> list[dict[str, Any]]:
        listed = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S).json()
        return [each for each in listed if each["type"] == "page"]
