"""Where a page may go back to, and the address it is brought back to after a crash: never the one with the ticket."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtWebEngineCore import QWebEngineHistory, QWebEngineHistoryItem, QWebEnginePage

from .policy import OriginPolicy, Use
from .request_filter import url_text

_MOST_LOOKED_AT = 50


class Trail:
    """Remembers where the session arrived.

    Args:
        launch: the first request's address; what it leads through is not gone back to.
        is_ticket: whether it is used up by one visit.
    """

    def __init__(
        self, policy: OriginPolicy | None = None, launch: QUrl | None = None, *, is_ticket: bool = True
    ) -> None:
        self._policy = policy
        self._launch = _place(launch or QUrl())
        self._is_ticket = is_ticket
        self._floor = 0
        self._last: dict[int, QUrl] = {}

    def arrived(self, page: QWebEnginePage) -> None:
        """The launch is over: ``page`` does not go back before this entry."""
        self._floor = page.history().currentItemIndex()

    def note(self, page: QWebEnginePage) -> None:
        """Remember the address that ``page`` has loaded."""
        if self._is_good(page.url()):
            self._last[id(page)] = page.url()

    def last_address(self, page: QWebEnginePage) -> QUrl | None:
        """Return the address that ``page`` showed last and may load again."""
        return self._last.get(id(page))

    def back_item(self, history: QWebEngineHistory, *, is_first: bool) -> QWebEngineHistoryItem | None:
        """Return the nearest entry that may be gone back to."""
        floor = self._floor if is_first else 0
        if history.currentItemIndex() <= floor:
            return None
        steps = min(history.currentItemIndex() - floor, _MOST_LOOKED_AT)
        return next((item for item in reversed(history.backItems(steps)) if self._is_good(item.url())), None)

    def _is_good(self, url: QUrl) -> bool:
        if self._policy is None or (self._is_ticket and _place(url) == self._launch):
            return False
        return self._policy.decide(url_text(url), Use.MAIN_FRAME).allowed


def _place(url: QUrl) -> tuple[str, str, int, str]:
    """Return the address without query and fragment: the ticket is in one of them."""
    return url.scheme(), url.host(), url.port(), url.path()
