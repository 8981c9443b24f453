"""Makes the first request to the main site from the pack's launch kind and the ticket. The account is typed later."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from PySide6.QtCore import QByteArray, QUrl
from PySide6.QtWebEngineCore import QWebEngineHttpRequest

from kiosk_config.pack.model import AccountForm, OidcInitiation, TicketGet, TicketHeader, TicketPost

from .entry import Entry


def first_request(entry: Entry) -> QWebEngineHttpRequest:
    """Return the request that hands the ticket over, or that asks for the login form.

    The header of ``ticket-header`` is not in it: the engine would repeat it on redirects (``ticket_header``).
    """
    match entry.way_in:
        case TicketGet(url=url, parameter=parameter):
            return _get(url, {parameter: entry.ticket} if entry.ticket else {})
        case TicketPost(url=url, field=field):
            return _post(url, {field: entry.ticket})
        case TicketHeader(url=url) | AccountForm(url=url):
            return _get(url, {})
        case OidcInitiation(url=url, issuer=issuer, target=target):
            # OpenID Connect Core 1.0 section 4.
            facts = {"iss": issuer, "login_hint": entry.ticket}
            return _get(url, facts if target is None else {**facts, "target_link_uri": target})


def ticket_header(entry: Entry) -> tuple[str, str] | None:
    """Return name and value of the header that belongs on the first request alone."""
    match entry.way_in:
        case TicketHeader(header=header, scheme=scheme):
            return header, f"{scheme} {entry.ticket}".lstrip()
        case _:
            return None


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return ``url`` with parameters added to its query, encoded as a form (WHATWG URL section 5.2)."""
    if not parameters:
        return url
    parts = urlsplit(url)
    before = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=before + urlencode(parameters)))


def _get(url: str, parameters: Mapping[str, str]) -> QWebEngineHttpRequest:
    return QWebEngineHttpRequest(_qurl(with_query(url, parameters)))


def _post(url: str, fields: Mapping[str, str]) -> QWebEngineHttpRequest:
    # Not QWebEngineHttpRequest.postRequest: we do not want to find out how it encodes what a ticket may contain.
    request = QWebEngineHttpRequest(_qurl(url), QWebEngineHttpRequest.Method.Post)
    request.setHeader(QByteArray(b"Content-Type"), QByteArray(b"application/x-www-form-urlencoded"))
    request.setPostData(QByteArray(urlencode(fields).encode("ascii")))
    return request


def _qurl(url: str) -> QUrl:
    return QUrl.fromEncoded(QByteArray(url.encode("utf-8")))
