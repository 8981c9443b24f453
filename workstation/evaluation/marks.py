"""Tells by address and content which page of the main site this is. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from kiosk_config.pack.model import PageMark

from .policy import OriginPolicy, Use


def lies_at(mark: PageMark, url: str) -> bool:
    """Whether ``url``, as the engine wrote it, lies at the mark's origin and at or below one of its paths."""
    if not OriginPolicy([mark.origin]).decide(url, Use.MAIN_FRAME).allowed:
        return False
    path = urlsplit(url).path or "/"
    return not mark.paths or any(path == p or path.startswith(f"{p.rstrip('/')}/") for p in mark.paths)


def origin_of(url: str) -> str:
    """Return the origin of an address of a pack as a page's ``location.origin`` says it (RFC 6454 section 6.2)."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
