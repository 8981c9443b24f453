"""Child process of the tests of the conference page: the page in Qt WebEngine, commands on stdin, events on stdout.

Scheme, channel and permissions are as small as a page needs them; the kiosk's own are tested elsewhere.
"""

from __future__ import annotations

import json
import os
import sys

from PySide6.QtCore import QBuffer, QByteArray, QFile, QIODevice, QObject, QSocketNotifier, Qt, QUrl, Signal, Slot
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import (
    QWebEngineDesktopMediaRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestJob,
    QWebEngineUrlScheme,
    QWebEngineUrlSchemeHandler,
)
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication

from workstation.conference.contract import PAGE_URL, SCHEME
from workstation.site.page_files import read_page_file


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


class Files(QWebEngineUrlSchemeHandler):
    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        path = job.requestUrl().path().lstrip("/")
        if path == "qwebchannel.js":
            file = QFile(":/qtwebchannel/qwebchannel.js")
            file.open(QIODevice.OpenModeFlag.ReadOnly)
            content, media_type = bytes(file.readAll().data()), "text/javascript"
        elif (found := read_page_file(path)) is not None:
            content, media_type = found.content, found.media_type
        else:
            job.fail(QWebEngineUrlRequestJob.Error.UrlNotFound)
            return
        buffer = QBuffer(parent=job)
        buffer.setData(QByteArray(content))
        job.reply(media_type.encode(), buffer)


class Booth(QObject):
    told = Signal(str)

    @Slot(str)
    def say(self, text: str) -> None:
        tell("said", text=text)


class Page(QWebEnginePage):
    def javaScriptConsoleMessage(
        self, _level: QWebEnginePage.JavaScriptConsoleMessageLevel, message: str, line: int, source: str
    ) -> None:
        tell("console", text=message, at=f"{source}:{line}")


class Driver(QObject):
    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.profile = QWebEngineProfile(self)
        self.files = Files(self)
        self.profile.installUrlSchemeHandler(SCHEME.encode(), self.files)
        self.page = Page(self.profile, self.profile)
        settings = self.page.settings()
        for attribute, value in (("PlaybackRequiresUserGesture", False), ("ScreenCaptureEnabled", True),
                                 ("WebRTCPublicInterfacesOnly", False)):  # fmt: skip
            settings.setAttribute(QWebEngineSettings.WebAttribute[attribute], value)
        self.page.permissionRequested.connect(self.on_permission)
        self.page.desktopMediaRequested.connect(self.on_desktop)
        self.booth = Booth(self)
        self.channel = QWebChannel(self)
        self.channel.registerObject("booth", self.booth)
        self.page.setWebChannel(self.channel)
        self.view = QWebEngineView()
        self.view.setPage(self.page)
        self.view.resize(width, height)
        self.view.show()
        self.pending = b""
        self.notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self.notifier.activated.connect(self.on_input)

    def on_permission(self, permission: QWebEnginePermission) -> None:
        tell("permission", kind=permission.permissionType().name)
        is_screen = permission.permissionType() is QWebEnginePermission.PermissionType.DesktopVideoCapture
        if is_screen or "fake-device" in os.environ["QTWEBENGINE_CHROMIUM_FLAGS"]:
            permission.grant()
        else:
            permission.deny()

    def on_desktop(self, request: QWebEngineDesktopMediaRequest) -> None:
        request.selectScreen(request.screensModel().index(0, 0))

    def on_input(self) -> None:
        received = os.read(0, 1 << 20)
        if not received:
            self.notifier.setEnabled(False)
            QApplication.exit(0)
            return
        *lines, self.pending = (self.pending + received).split(b"\n")
        for line in lines:
            command = json.loads(line)
            match command["do"]:
                case "open":
                    self.page.load(QUrl(command["url"] or PAGE_URL))
                case "tell":
                    self.booth.told.emit(command["text"])
                case "run":
                    self.page.runJavaScript(command["script"], 0, lambda result: tell("done", result=result))
                case "grab":
                    self.view.grab().save(command["path"])
                    tell("done", result=True)
                case "resize":
                    self.view.resize(command["width"], command["height"])


def main() -> int:
    scheme = QWebEngineUrlScheme(SCHEME.encode())
    scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
    flags = QWebEngineUrlScheme.Flag
    scheme.setFlags(flags.SecureScheme | flags.CorsEnabled | flags.FetchApiAllowed)
    QWebEngineUrlScheme.registerScheme(scheme)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(sys.argv[:1])
    driver = Driver(int(sys.argv[1]), int(sys.argv[2]))
    tell("started")
    status = app.exec()
    driver.view.setPage(None)  # type: ignore[arg-type]  # as Qt documents it
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
