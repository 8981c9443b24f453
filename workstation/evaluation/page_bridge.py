"""``window.workstation`` for the pages of a pack that wants it: read-only facts and the request of a signature.

The web channel reaches the main frame alone, and that can only hold a document of the pack's origins; the origin is
looked at again on each call and each answer all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from PySide6.QtCore import QFile, QIODevice, QObject, QTimer, Signal, Slot
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineScript
from shiboken6 import isValid

from .address import Unreadable, read_authority, split_authority, split_scheme
from .call_rate import CallRate
from .page_api import Answer, Facts, FactsCall, Problem, SignatureProvider, SignatureReply, read_call
from .policy import OriginPolicy, Use

CALLS_PER_S = 20.0
BURST = 40.0
MAX_STRIKES = 500
"""So many calls beyond the rate, and the page loses the channel: its messages cost the booth's own thread."""

_SCRIPT_NAME = "workstation"


class _Door(QObject):
    """The one object that a page can reach. By the channel's rules everything here is open to it.

    That includes ``deleteLater`` (measured): a page can destroy its door, so nothing else of ours may hang on it.

    Signals:
        answered(str): an ``Answer`` as JSON, for the page.
    """

    answered = Signal(str)

    def __init__(self, take: Callable[[str], str], parent: QObject) -> None:
        super().__init__(parent)
        self._take = take

    @Slot(str, result=str)
    def call(self, text: str) -> str:
        """Take a call of the page; return "" when an answer follows, else the problem. Never raises."""
        return self._take(text)


class PageBridge(QObject):
    """Answers the pages of one session.

    Args:
        page: gets ``window.workstation`` in every document of its main frame from now on; becomes the parent.
        policy: the session's origins.
        facts: asked on each call.
        signatures: who signs.
    """

    def __init__(
        self,
        page: QWebEnginePage,
        policy: OriginPolicy,
        *,
        facts: Callable[[], Facts],
        signatures: SignatureProvider,
    ) -> None:
        super().__init__(page)
        self._page, self._policy, self._facts, self._signatures = page, policy, facts, signatures
        self._rate = CallRate(per_s=CALLS_PER_S, burst=BURST)
        self._channel = QWebChannel(page)
        self._door = self._make_door()
        page.setWebChannel(self._channel, QWebEngineScript.ScriptWorldId.MainWorld)
        script = QWebEngineScript()
        script.setName(_SCRIPT_NAME)
        script.setSourceCode(_source())
        script.setInjectionPoint(QWebEngineScript.InjectionPoint.DocumentCreation)
        script.setWorldId(QWebEngineScript.ScriptWorldId.MainWorld)
        script.setRunsOnSubFrames(False)
        page.scripts().insert(script)
        page.loadStarted.connect(self._on_load_started)

    def _make_door(self) -> _Door:
        door = _Door(self._take, self)
        self._channel.registerObject("workstation", door)
        return door

    @Slot()
    def _on_load_started(self) -> None:
        if not isValid(self._door):
            self._door = self._make_door()

    def _take(self, text: str) -> str:
        origin = self._origin()
        if origin is None:
            return Problem.NOT_ALLOWED
        if not self._is_within_rate():
            return Problem.TOO_MANY
        read = read_call(text)
        if isinstance(read, Problem):
            return read
        if isinstance(read, FactsCall):
            self._answer(origin, Answer(id=read.id, value=self._facts()))
        else:
            call_id = read.id

            def answer(reply: SignatureReply) -> None:
                self._answer(origin, Answer(id=call_id, value=reply))

            self._signatures.request(read.payload, answer)
        return ""

    def _answer(self, origin: str, answer: Answer) -> None:
        """Answer the origin that asked; when another one is on the page by now, nobody."""
        if isValid(self._door) and isValid(self._page) and self._origin() == origin:
            self._door.answered.emit(answer.model_dump_json())

    def _origin(self) -> str | None:
        """Return the origin of the document in the main frame, ``None`` when it is none of the pack's."""
        url = bytes(self._page.url().toEncoded().data()).decode("ascii", "replace")
        parts = split_scheme(url)
        if parts is None or not self._policy.decide(url, Use.MAIN_FRAME).allowed:
            return None
        try:
            origin = read_authority(parts[0], split_authority(parts[1])[0])
        except Unreadable:
            return None
        return f"{origin.scheme}://{origin.host}:{origin.port}"

    def _is_within_rate(self) -> bool:
        if self._rate.admits():
            return True
        if self._rate.strikes == MAX_STRIKES:
            # Not inside the channel's own call.
            QTimer.singleShot(0, self, self._cut)
        return False

    @Slot()
    def _cut(self) -> None:
        for script in self._page.scripts().find(_SCRIPT_NAME):
            self._page.scripts().remove(script)
        self._page.setWebChannel(None)  # type: ignore[arg-type]  # as Qt documents it


def _source() -> str:
    """Return Qt's client and ours as one function, so that nothing but ``window.workstation`` is left behind."""
    client = QFile(":/qtwebchannel/qwebchannel.js")
    if not client.open(QIODevice.OpenModeFlag.ReadOnly):
        raise RuntimeError("Qt's qwebchannel.js is missing")
    qt = bytes(client.readAll().data()).decode()
    own = files(__package__ or "").joinpath("page_bridge.js").read_text(encoding="utf-8")
    return f"(() => {{\nconst module = undefined;\n{qt}\n(() => {{\n{own}\n}})();\n}})();"
