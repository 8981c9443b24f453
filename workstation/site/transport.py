"""HTTP for the booth with every quantity bounded: the time in total, the size of a reply, the number of attempts."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

MAX_REPLY_BYTES = 1 << 20
"""Longest body that is read."""

_ATTEMPTS_AGAIN = 2
_logger = logging.getLogger(__name__)


class ReplyTooLongError(requests.RequestException):
    """The body is longer than ``MAX_REPLY_BYTES``."""


class DeadlineError(requests.RequestException):
    """The whole exchange did not end in time."""


class _Deadline:
    """One exchange's time limit. When it strikes, the socket in use is shut down, which ends any blocked read.

    urllib3's time-outs bound one socket operation, so a peer that sends a byte now and then could hold a thread for
    ever; this bounds the sum.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self.struck = False

    def use(self, connection: HTTPConnection) -> None:
        with self._lock:
            if self.struck:
                raise TimeoutError("the exchange's deadline has passed")
            self._connection = connection

    def strike(self) -> None:
        with self._lock:
            self.struck = True
            sock = getattr(self._connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                _logger.debug("socket already closed: %s", error.errno)


class _Current(threading.local):
    """The deadline of the exchange that this thread runs."""

    deadline: _Deadline | None = None


_current = _Current()


def _register(connection: HTTPConnection) -> None:
    if _current.deadline is not None:
        _current.deadline.use(connection)


class _Connection(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:  # signature belongs to urllib3
        _register(self)
        super().request(*args, **kwargs)


class _TlsConnection(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _register(self)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls: ClassVar[type[HTTPConnection]] = _Connection  # type: ignore[misc]


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls: ClassVar[type[HTTPSConnection]] = _TlsConnection  # type: ignore[misc]


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def bounded_session(ca_file: str | None) -> requests.Session:
    """Return a session that ignores the environment's proxies and repeats a failed request twice, with jitter.

    Only for requests that may be repeated: those whose effect is named by an id.
    """
    retry = Retry(
        total=_ATTEMPTS_AGAIN,
        redirect=0,
        status_forcelist=(502, 503, 504),
        allowed_methods=None,
        backoff_factor=0.1,
        backoff_jitter=0.2,
        backoff_max=1.0,
        raise_on_status=False,
        # A server must not be able to put a booth's thread to sleep; the caller backs off by itself.
        respect_retry_after_header=False,
    )
    # urllib3 warns of every repeat and every odd header, each time a server is away; the callers say it once.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file or True
    session.mount("http://", _Adapter(max_retries=retry, pool_maxsize=4))
    session.mount("https://", _Adapter(max_retries=retry, pool_maxsize=4))
    return session


def exchange(
    session: requests.Session, request: requests.Request, *, timeout_s: float, total_s: float
) -> tuple[requests.Response, bytes]:
    """Send ``request`` and read its whole reply. Redirects are not followed.

    Args:
        session: from ``bounded_session``.
        request: what to send.
        timeout_s: for connecting, and for each wait on the peer.
        total_s: for everything, repeats included. Connecting may add up to ``timeout_s``.

    Raises:
        requests.RequestException: no whole reply came; ``DeadlineError`` and ``ReplyTooLongError`` are of this kind.
    """
    prepared = session.prepare_request(request)
    with _deadline(total_s) as deadline:
        try:
            with session.send(prepared, stream=True, timeout=(timeout_s, timeout_s), allow_redirects=False) as response:
                return response, _body(response)
        except (requests.RequestException, OSError) as error:
            if deadline.struck:
                raise DeadlineError("no whole reply in time") from error
            raise


@contextmanager
def _deadline(total_s: float) -> Iterator[_Deadline]:
    deadline = _Deadline()
    timer = threading.Timer(total_s, deadline.strike)
    timer.daemon = True
    _current.deadline = deadline
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        _current.deadline = None


def _body(response: requests.Response) -> bytes:
    parts: list[bytes] = []
    length = 0
    for part in response.iter_content(16384):
        length += len(part)
        if length > MAX_REPLY_BYTES:
            raise ReplyTooLongError("reply is too long")
        parts.append(part)
    return b"".join(parts)
