"""Child process of test_locked_browser: shows the real view, takes JSON commands on stdin, tells events on stdout.

QtWebEngine wants its own process in tests: it must be set up before the QApplication that other tests share.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from PySide6.QtCore import (
    QObject,
    QPoint,
    QSocketNotifier,
    Qt,
    QTimer,
    QtMsgType,
    QUrl,
    Slot,
    qInstallMessageHandler,
)
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from kiosk_config.pack.model import Browser, Documents, MainSitePack, MediaRule, OriginRule, PageMark, TicketGet
from workstation.evaluation import engine, surface
from workstation.evaluation.documents import PARENT_NAME
from workstation.evaluation.entry import Account, Entry
from workstation.private_folder import memory_place


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def entry(url: str, origins: list[str], pack: dict[str, Any], ticket: str) -> Entry:
    """Return the way to ``url`` and on to the last origin; unchecked, so that a test can say what no pack would."""
    now = datetime.now(UTC)
    checked = {name: PARTS[name](value) for name, value in pack.items()}
    made = MainSitePack.model_construct(
        main_site_id="test",
        name="test",
        serial=1,
        issued_at=now,
        valid_until=now + timedelta(days=1),
        origins=tuple(OriginRule.model_construct(origin=origin) for origin in origins),
        launch=TicketGet.model_construct(url=url),
        arrived=PageMark.model_construct(origin=origins[-1] if origins else ""),
        **checked,
    )
    return Entry(pack=made, ticket=ticket)


PARTS: dict[str, Callable[[Any], Any]] = {
    "browser": lambda value: Browser(**value),
    "documents": lambda value: Documents(**{name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}),
    "media": lambda value: tuple(MediaRule(**rule) for rule in value),
}


def on_qt_message(kind: QtMsgType, _context: object, text: str) -> None:
    if kind is not QtMsgType.QtDebugMsg and kind is not QtMsgType.QtInfoMsg:
        tell("qt", text=text)


CLICKS = 10
CLICK_SEEN_MS = 150


class Desktop(QObject):
    """Stands where the desktop's mail program and file opener would be called."""

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        tell("desktop", scheme=url.scheme())


class Driver(QObject):
    def __init__(self, load_timeout_s: float, hang_deadline_s: float = engine.HANG_DEADLINE_S) -> None:
        super().__init__()
        self.view = engine.create_view(load_timeout_s=load_timeout_s, hang_deadline_s=hang_deadline_s)
        self.view.resize(800, 600)
        self.view.navigation_refused.connect(self.on_refused)
        self.view.opened.connect(self.on_opened)
        self.view.failed.connect(self.on_failed)
        self.view.surface_changed.connect(self.on_surface)
        self.view.noticed.connect(self.on_noticed)
        self.view.show()
        self.view.activateWindow()
        self.pending = b""
        self.notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self.notifier.activated.connect(self.on_input)

    def on_refused(self, host: str, reason: str) -> None:
        tell("refused", host=host, reason=reason)

    def on_opened(self) -> None:
        tell("opened")

    def on_failed(self, code: object) -> None:
        tell("failed", code=str(code))

    def on_surface(self, seen: surface.Surface) -> None:
        tell("surface", **asdict(seen))

    def on_noticed(self, notice: surface.Notice) -> None:
        tell("noticed", kind=notice.kind, word=notice.word)

    def on_input(self) -> None:
        received = os.read(0, 65536)
        if not received:
            QApplication.exit(1)
        *lines, self.pending = (self.pending + received).split(b"\n")
        for line in lines:
            command = json.loads(line)
            handler: Callable[..., None] = getattr(self, f"do_{command.pop('do')}")
            handler(**command)

    def done(self, result: object = None) -> None:
        tell("done", result=result)

    def do_open(self, url: str, origins: list[str], pack: dict[str, Any], ticket: str) -> None:
        self.view.open(entry(url, origins, pack, ticket))

    def do_command(self, kind: str, **facts: Any) -> None:
        """Do what the frame asks for."""
        self.view.command(getattr(surface, kind)(**facts))
        self.done()

    def do_answer(self, number: int, **reply: Any) -> None:
        self.view.command(surface.Answer(number, surface.Reply(**reply)))
        self.done()

    def do_shown(self, *, is_shown: bool) -> None:
        self.view.set_shown(is_shown=is_shown)
        self.done(QGuiApplication.clipboard().text())

    def do_enter(self, pack: dict[str, Any], ticket: str = "", account: list[str] | None = None) -> None:
        """Enter as the application does, by a whole pack."""
        known = None if account is None else Account(user=account[0], password=account[1])
        self.view.open(Entry(pack=MainSitePack.model_validate(pack), ticket=ticket, account=known))

    def do_close(self) -> None:
        QGuiApplication.clipboard().setText("from the page")
        page = self.view.page
        self.view.close_page()
        if page is None:
            self.closed()
        else:
            page.profile().destroyed.connect(self.closed)

    def closed(self) -> None:
        self.done({"clipboard": QGuiApplication.clipboard().text()})

    def do_run(self, script: str, *, active: bool = False) -> None:
        page = self.view.active_page if active else self.view.page
        assert page is not None
        page.runJavaScript(script, 0, self.done)

    def do_start(self, script: str, tab: int = -1) -> None:
        """Run a script that may ask something, after this call has returned; of the given tab or the shown one."""
        page = self.view.active_page
        if tab >= 0:
            page = self.view.findChildren(type(self.view.page))[tab]
        assert page is not None
        page.runJavaScript(f"setTimeout(() => {{ {script} }}, 0)")
        self.done()

    def do_click(self, selector: str, button: str = "LeftButton") -> None:
        """Click until the page took it for a person's: Chromium drops what is pressed before its first frame."""
        script = (
            "window.isPressed = false;"
            "for (const kind of ['click', 'auxclick', 'contextmenu'])"
            " addEventListener(kind, (event) => {"
            "  window.isPressed = window.isPressed || kind !== 'click' || navigator.userActivation.isActive;"
            " }, {capture: true});"
            f"var r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "JSON.stringify([r.x + r.width / 2, r.y + r.height / 2].map(Math.round))"
        )

        def click(at: str) -> None:
            # Not inside the engine's callback: QTest waits for the event to be handled.
            QTimer.singleShot(0, lambda: self.click_at(QPoint(*json.loads(at)), Qt.MouseButton[button]))

        self.clicks_left = CLICKS

        assert self.view.page is not None
        self.view.page.runJavaScript(script, 0, click)

    def click_at(self, point: QPoint, button: Qt.MouseButton) -> None:
        QTest.mouseClick(self.target(), button, Qt.KeyboardModifier.NoModifier, point)
        self.clicks_left -= 1
        QTimer.singleShot(CLICK_SEEN_MS, lambda: self.look_after_click(point, button))

    def look_after_click(self, point: QPoint, button: Qt.MouseButton) -> None:
        """Only a page that is still there and saw nothing is clicked again."""

        def look(was_missed: object) -> None:
            if was_missed and self.clicks_left:
                QTimer.singleShot(0, lambda: self.click_at(point, button))
            else:
                self.done()

        if self.view.page is None:
            self.done()
        else:
            self.view.page.runJavaScript("window.isPressed === false", 0, look)

    def do_key(self, text: str) -> None:
        modifier, key = text.split("+", 1)
        assert modifier == "Ctrl"
        QTest.keyClick(self.target(), Qt.Key(ord(key)), Qt.KeyboardModifier.ControlModifier)
        self.done()

    def target(self) -> QWidget:
        widget: QWidget = self.view
        while (proxy := widget.focusProxy()) is not None:
            widget = proxy
        return widget

    def do_zoom(self) -> None:
        assert self.view.page is not None
        self.done(self.view.page.zoomFactor())

    def do_windows(self) -> None:
        popups = [type(w).__name__ for w in QApplication.topLevelWidgets() if w.isVisible() and w is not self.view]
        self.done(popups)

    def do_type(self, text: str) -> None:
        QTest.keyClicks(self.target(), text)
        self.done()

    def do_wait(self, seconds: float) -> None:
        QTimer.singleShot(round(seconds * 1000), self.done)

    def do_clipboard(self, text: str | None = None) -> None:
        if text is not None:
            QGuiApplication.clipboard().setText(text)
        self.done(QGuiApplication.clipboard().text())

    def do_folder(self) -> None:
        """List the folder of documents as it is on the disk."""
        folders = sorted(memory_place().glob(f"{PARENT_NAME}*/session-*"))
        own = [folder for folder in folders if folder.is_dir()]
        self.done({str(folder): sorted(file.name for file in folder.iterdir()) for folder in own})

    def do_kill_renderer(self) -> None:
        assert self.view.page is not None
        os.kill(self.view.page.renderProcessPid(), signal.SIGKILL)
        self.done()

    def do_renderer(self) -> None:
        self.done(self.view.page.renderProcessPid() if self.view.page is not None else 0)

    def do_quit(self, *, drop_view: bool) -> None:
        if drop_view:
            self.view.deleteLater()
            self.view.destroyed.connect(QApplication.quit)
        else:
            QApplication.quit()


def main(arguments: dict[str, Any]) -> int:
    qInstallMessageHandler(on_qt_message)
    engine.prepare_application_attributes()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    desktop = Desktop()
    for scheme in ("mailto", "tel", "file", "http", "https", "weixin"):
        QDesktopServices.setUrlHandler(scheme, desktop, "open")
    tell("loaded-early", modules=[name for name in sys.modules if "WebEngine" in name])
    engine.prepare(drill=True)
    driver = Driver(**arguments)
    tell("ready")
    code = app.exec()
    del driver
    return code


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
