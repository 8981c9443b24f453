"""The first session's profile and page, made early so that their processes are there when needed."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWebEngineCore import QWebEngineProfile

from .dialogs import DialogDesk
from .page import LockedPage


def make_profile() -> QWebEngineProfile:
    """Return a profile that no disk ever sees. It has no parent: that would delete it before its pages."""
    profile = QWebEngineProfile()  # no name: in memory
    profile.setHttpCacheType(QWebEngineProfile.HttpCacheType.MemoryHttpCache)
    profile.setPersistentCookiesPolicy(QWebEngineProfile.PersistentCookiesPolicy.NoPersistentCookies)
    profile.setPersistentPermissionsPolicy(QWebEngineProfile.PersistentPermissionsPolicy.AskEveryTime)
    profile.setSpellCheckEnabled(False)
    profile.setPushServiceEnabled(False)
    return profile


class Spare(QObject):
    """A profile and its page that have loaded nothing yet and belong to no session. ``take`` gives them away, once.

    Attributes:
        desk: asks the page's questions, and those of every page after it.
    """

    def __init__(self, *, load_timeout_s: float) -> None:
        super().__init__()
        self.desk = DialogDesk(self)
        self._profile: QWebEngineProfile | None = make_profile()
        self._page: LockedPage | None = LockedPage(self._profile, self.desk, load_timeout_s=load_timeout_s)
        # Children die in the order they came.
        self._page.setParent(self)
        self._profile.setParent(self)
        self._page.warm()

    def take(self) -> tuple[LockedPage | None, QWebEngineProfile]:
        """Return page and profile, or a fresh profile when they are gone. The caller deletes them in this order."""
        page, profile = self._page, self._profile
        self._page = self._profile = None
        if page is None or profile is None:
            return None, make_profile()
        page.setParent(None)
        profile.setParent(None)
        return page, profile
