"""The page's own scheme in the engine: a secure context whose files come from this program and from nowhere else."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QFile, QIODevice
from PySide6.QtWebEngineCore import QWebEngineUrlRequestJob, QWebEngineUrlScheme, QWebEngineUrlSchemeHandler

from workstation.site.page_files import CONTENT_SECURITY_POLICY, PageFile, read_page_file

from .contract import PAGE_ORIGIN, SCHEME
from .reach import is_own

CHANNEL_CLIENT = "qwebchannel.js"
"""Qt's own client of the channel, served beside the page's files."""

_NAME = QByteArray(SCHEME.encode("ascii"))
_HEADERS = {
    QByteArray(b"Content-Security-Policy"): [QByteArray(CONTENT_SECURITY_POLICY.encode("ascii"))],
    QByteArray(b"X-Content-Type-Options"): [QByteArray(b"nosniff")],
}


def register_scheme() -> None:
    """Tell the engine of the scheme: after it is loaded and before the first profile. Later calls change nothing."""
    if QWebEngineUrlScheme.schemeByName(_NAME).name() == _NAME:
        return
    scheme = QWebEngineUrlScheme(_NAME)
    scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
    flags = QWebEngineUrlScheme.Flag
    scheme.setFlags(flags.SecureScheme | flags.CorsEnabled | flags.FetchApiAllowed)
    QWebEngineUrlScheme.registerScheme(scheme)


class PageFiles(QWebEngineUrlSchemeHandler):
    """Answers requests for the page's files."""

    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        """Answer one request; only the page itself may ask, and only for what there is."""
        url = job.requestUrl()
        initiator = job.initiator().toString()
        is_asked_by_us = initiator in {"", "null", PAGE_ORIGIN}  # nobody asks for the first document
        if bytes(job.requestMethod().data()) != b"GET" or not is_own(url.toString()) or not is_asked_by_us:
            job.fail(QWebEngineUrlRequestJob.Error.RequestDenied)
            return
        found = _find(url.path().removeprefix("/"))
        if found is None:
            job.fail(QWebEngineUrlRequestJob.Error.UrlNotFound)
            return
        buffer = QBuffer(job)
        buffer.setData(QByteArray(found.content))
        buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        job.setAdditionalResponseHeaders(_HEADERS)  # type: ignore[arg-type]  # a QMultiMap: lists, as it runs
        job.reply(QByteArray(found.media_type.encode("ascii")), buffer)


def _find(path: str) -> PageFile | None:
    if path != CHANNEL_CLIENT:
        return read_page_file(path)
    client = QFile(":/qtwebchannel/qwebchannel.js")
    if not client.open(QIODevice.OpenModeFlag.ReadOnly):
        return None
    return PageFile(content=bytes(client.readAll().data()), media_type="text/javascript; charset=utf-8")
