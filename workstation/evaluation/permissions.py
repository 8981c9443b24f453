"""What a page may ask the browser for, kind by kind: which rule of the pack decides, and the word it is told by.

Two tables with equal keys, so that a kind without a word or without a rule cannot be; what is in neither is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtWebEngineCore import QWebEnginePermission

if TYPE_CHECKING:
    from kiosk_config.pack.model import MainSitePack, MediaRule


_Type = QWebEnginePermission.PermissionType
Rule = Callable[["MediaRule"], bool]


def _never(_rule: MediaRule) -> bool:
    return False


def _microphone(rule: MediaRule) -> bool:
    return rule.microphone


def _camera(rule: MediaRule) -> bool:
    return rule.camera


def _both(rule: MediaRule) -> bool:
    return rule.camera and rule.microphone


RULES: dict[QWebEnginePermission.PermissionType, Rule] = {
    _Type.Unsupported: _never,
    _Type.MediaAudioCapture: _microphone,
    _Type.MediaVideoCapture: _camera,
    _Type.MediaAudioVideoCapture: _both,
    _Type.DesktopVideoCapture: _never,
    _Type.DesktopAudioVideoCapture: _never,
    _Type.MouseLock: _never,
    _Type.Notifications: _never,
    _Type.Geolocation: _never,
    _Type.ClipboardReadWrite: _never,
    _Type.LocalFontsAccess: _never,
}

UNKNOWN = "unknown"
WORDS: dict[QWebEnginePermission.PermissionType, str] = {
    _Type.Unsupported: UNKNOWN,
    _Type.MediaAudioCapture: "microphone",
    _Type.MediaVideoCapture: "camera",
    _Type.MediaAudioVideoCapture: "camera-microphone",
    _Type.DesktopVideoCapture: "screen",
    _Type.DesktopAudioVideoCapture: "screen",
    _Type.MouseLock: "pointer",
    _Type.Notifications: "notifications",
    _Type.Geolocation: "location",
    _Type.ClipboardReadWrite: "clipboard",
    _Type.LocalFontsAccess: "fonts",
}


def may(pack: MainSitePack, kind: QWebEnginePermission.PermissionType, origin: QUrl) -> bool:
    """Whether the pack lets ``origin`` have ``kind``."""
    rule = RULES.get(kind, _never)
    return any(rule(media) for media in pack.media if _same_origin(QUrl(media.origin), origin))


def word(kind: QWebEnginePermission.PermissionType) -> str:
    """Return the word for ``kind``."""
    return WORDS.get(kind, UNKNOWN)


def _same_origin(one: QUrl, other: QUrl) -> bool:
    port = {"https": 443, "http": 80}.get(one.scheme(), -1)
    return (
        one.isValid()
        and one.scheme() == other.scheme()
        and one.host() == other.host()
        and one.port(port) == other.port(port)
    )
