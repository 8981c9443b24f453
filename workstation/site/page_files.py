"""The files of the conference page: what the kiosk's own scheme and the site server's ``/conference/`` answer with.

Lies beside the site's contract because both ends of it serve the same page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

ENTRY: Final = "index.html"

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/markdown; charset=utf-8",
}
"""What there may be in the page's folder; nothing else is served."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; "
    # The Janus server's address and the media process' port are known to the ticket alone.
    "connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'"
)
"""No script that is not ours, nothing inline, no eval. ``index.html`` states the same, for the kiosk's scheme."""

_NAME = re.compile(r"(?:[a-z0-9][a-z0-9.-]*/)?[a-z0-9][a-zA-Z0-9.-]*\.[a-z]+")
_MAX_NAME = 100


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """One file of the page. ``media_type`` is the value of ``Content-Type``."""

    content: bytes
    media_type: str


def read_page_file(path: str) -> PageFile | None:
    """Return a file of the page, ``None`` when there is none of that name.

    Args:
        path: of the URL, relative to the page, without query; from outside and so anything. "" is ``index.html``.
    """
    name = path or ENTRY
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        return None
    media_type = MEDIA_TYPES.get(name[name.rindex(".") :])
    if media_type is None:
        return None
    place: Traversable = files("assets").joinpath("conference")
    for part in name.split("/"):
        place = place.joinpath(part)
    try:
        return PageFile(content=place.read_bytes(), media_type=media_type)
    except OSError:
        return None
