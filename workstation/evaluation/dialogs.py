"""Asks the expert what a page wants to know while the page waits: the one place with an event loop of its own.

docs/adr/0009 says why, and what keeps it safe: one question at a time, the safe answer whenever nobody can see it, and
what belongs to the page is deleted only after its call has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal, Slot

from .surface import Question, QuestionKind, Reply

MAX_TEXT = 1000
MAX_TYPED = 2000
SILENCE_FROM = 3
_ROW_MS = 10_000
_LOOK_MS = 500


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """Return ``text`` without control and direction characters, at most ``limit`` long and 20 lines."""
    kept = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
    lines = kept.split("\n")[:20]
    short = "\n".join(lines)
    return short if len(short) <= limit else short[:limit] + "…"


class Row(QObject):
    """Counts the questions of one page that come one after another, and remembers that they were stopped."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.count = 0
        self.silenced = False
        self._pause = QTimer(self, singleShot=True, interval=_ROW_MS)
        self._pause.timeout.connect(self._on_pause_timeout)

    def begin(self) -> None:
        """Count one more; the pause after which it is a new row starts when the answer is there."""
        self._pause.stop()
        self.count += 1

    def end(self, *, silence: bool) -> None:
        """Note the answer."""
        self.silenced = self.silenced or silence
        self._pause.start()

    def reset(self) -> None:
        """Begin anew: another document is there."""
        self._pause.stop()
        self.count, self.silenced = 0, False

    def _on_pause_timeout(self) -> None:
        self.count = 0


class Asker(Protocol):
    """A page that asks."""

    def is_alive(self) -> bool:
        """Whether its renderer still runs."""
        ...


class DialogDesk(QObject):
    """One question at a time.

    Signals:
        changed(): ``question`` is another one.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.question: Question | None = None
        self._owner: Asker | None = None
        self._loop: QEventLoop | None = None
        self._reply = Reply()
        self._numbers = 0
        self._open = True
        self._is_returning = False
        self._look = QTimer(self, interval=_LOOK_MS)
        self._look.timeout.connect(self._on_look_timeout)
        self._later: list[Callable[[], None]] = []

    @property
    def is_waiting(self) -> bool:
        """Whether a page's call waits for an answer now."""
        return self._loop is not None

    def ask(
        self,
        owner: Asker,
        kind: QuestionKind,
        *,
        text: str = "",
        default: str = "",
        row: Row | None = None,
        choices: tuple[str, ...] = (),
    ) -> Reply | None:
        """Wait for the expert's answer.

        Returns:
            The answer; the safe one when the wait was broken off; ``None`` when nobody was asked: another question
            is on the screen, the page is not on the screen, or the expert has stopped its questions.
        """
        if not self._open or self._loop is not None or (row is not None and row.silenced):
            return None
        if row is not None:
            row.begin()
        self._numbers += 1
        self._owner, self._reply = owner, Reply()
        self._loop = loop = QEventLoop()
        self.question = Question(
            number=self._numbers,
            kind=kind,
            text=bounded(text),
            default=bounded(default),
            may_silence=row is not None and row.count >= SILENCE_FROM,
            choices=choices,
        )
        self.changed.emit()
        if self.question is not None:  # whoever shows it may have broken it off at once
            self._look.start()
            loop.exec()
            self._look.stop()
        self._loop, self.question, self._owner = None, None, None
        reply, self._reply = self._reply, Reply()
        if row is not None:
            row.end(silence=reply.silence)
        self._is_returning = True
        QTimer.singleShot(0, self.settle)
        self.changed.emit()
        return reply

    def answer(self, number: int, reply: Reply) -> None:
        """Take the expert's answer; one to a question that is gone is dropped."""
        if self.question is not None and self.question.number == number and self._loop is not None:
            self._reply = reply
            self._end()

    def abort(self, owner: Asker | None = None) -> None:
        """Break the wait off with the safe answer; with ``owner`` only if the question is that page's."""
        if self._loop is not None and (owner is None or owner is self._owner):
            self._reply = Reply()
            self._end()

    def set_open(self, *, is_open: bool) -> None:
        """Say whether the expert can see questions; while not, every one gets the safe answer at once."""
        self._open = is_open
        if not is_open:
            self.abort()

    def after(self, work: Callable[[], None]) -> None:
        """Run ``work`` once no page's call is on the stack: now, or from the outer loop after the wait has ended."""
        if self._loop is None and not self._is_returning:
            work()
        else:
            self._later.append(work)

    def _end(self) -> None:
        self.question = None
        if self._loop is not None:
            self._loop.quit()

    def _on_look_timeout(self) -> None:
        """The engine tells of a dead renderer only after the call has returned, so the kernel is asked."""
        if self._owner is not None and not self._owner.is_alive():
            self.abort()

    @Slot()
    def settle(self) -> None:
        """Do now what ``after`` put off. Only from where no page's call can be on the stack."""
        if self._loop is not None:
            return
        self._is_returning = False
        work, self._later = self._later, []
        for part in work:
            part()
