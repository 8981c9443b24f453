"""Makes the first request to the main site from the pack's launch kind and the ticket."""

from __future__ import annotations

from PySide6.QtCore import QUrl, QUrlQuery
from PySide6.QtWebEngineCore import QWebEngineHttpRequest

from kiosk_config.pack.model import TicketGet

from .entry import Entry


def first_request(entry: Entry) -> QWebEngineHttpRequest:
    """Return the request that hands the ticket over."""
    url = QUrl(entry.pack.launch.url)
    if isinstance(entry.pack.launch, TicketGet) and entry.ticket:
        query = QUrlQuery(url)
        query.addQueryItem(entry.pack.launch.parameter, entry.ticket)
        url.setQuery(query)
    return QWebEngineHttpRequest(url)
