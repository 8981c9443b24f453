"""Both tables of permissions know every kind the engine has; what is in neither is refused."""

from __future__ import annotations

import json
import subprocess
import sys

TABLES = """
import json
from PySide6.QtCore import QUrl
from PySide6.QtWebEngineCore import QWebEnginePermission
from kiosk_config.pack.model import MainSitePack, MediaRule
from workstation.evaluation import permissions as p
kinds = QWebEnginePermission.PermissionType
pack = MainSitePack.model_construct(media=(
    MediaRule(origin="https://a.example", camera=True),
    MediaRule(origin="https://b.example:8443", camera=True, microphone=True)))
def granted(origin):
    return sorted(kind.name for kind in kinds if p.may(pack, kind, QUrl(origin)))
rules, words = dict(p.RULES), dict(p.WORDS)
p.RULES.clear(); p.WORDS.clear()
print(json.dumps({
    "kinds": [kind.name for kind in kinds], "rules": [kind.name for kind in rules],
    "words": {kind.name: word for kind, word in words.items()},
    "unknown": [p.may(pack, kinds.MediaVideoCapture, QUrl("https://a.example")), p.word(kinds.MediaVideoCapture)],
    **(p.RULES.update(rules) or {}),
    "granted": [granted(origin) for origin in (
        "https://a.example/", "https://a.example:443", "http://a.example", "https://a.example:8443",
        "https://b.example:8443/", "https://x.a.example", "")],
}))
"""


def tables() -> dict[str, object]:
    """Load them in a process of their own: the engine must come before the application that other tests share."""
    out = subprocess.run([sys.executable, "-c", TABLES], capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(out.stdout))


def test_the_tables() -> None:
    from workstation.ui.messages import Language, Messages  # noqa: PLC0415

    seen = tables()
    assert sorted(seen["kinds"]) == sorted(seen["rules"]) == sorted(seen["words"])  # type: ignore[call-overload]
    assert seen["unknown"] == [False, "unknown"]
    camera = ["MediaVideoCapture"]
    all_media = ["MediaAudioCapture", "MediaAudioVideoCapture", "MediaVideoCapture"]
    assert seen["granted"] == [camera, camera, [], [], all_media, [], []]
    words = seen["words"]
    assert isinstance(words, dict)
    for language in Language:
        assert {f"permission.{word}" for word in words.values()} <= Messages(language).keys
