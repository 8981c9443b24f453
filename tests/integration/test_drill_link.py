"""The relay that stands for a network cable, with real sockets and HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from workstation.drill.link import Link

WAIT_S = 5.0


class Greeting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"x" * 300_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Greeting)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(WAIT_S)
    server.server_close()


@pytest.fixture
def link(server: ThreadingHTTPServer) -> Iterator[Link]:
    link = Link("127.0.0.1", server.server_port)
    yield link
    link.close()


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        yield listener


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=WAIT_S)


def get(link: Link) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{link.port}/", timeout=WAIT_S)


def is_dead(client: socket.socket) -> bool:
    """Whether the other end is gone; a time-out would raise."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_page_comes_through_whole(link: Link) -> None:
    assert link.is_up
    assert len(get(link).content) == 300_000


def test_cut_and_restore(link: Link) -> None:
    for _ in range(2):
        link.cut()
        assert not link.is_up
        with pytest.raises(requests.ConnectionError):
            get(link)
        link.restore()
        assert get(link).status_code == 200


def test_cutting_drops_both_ends_of_a_live_connection(echo: socket.socket) -> None:
    with contextlib.closing(Link(*echo.getsockname())) as link, connect(link) as client:
        peer, _ = echo.accept()
        with peer:
            peer.settimeout(WAIT_S)
            client.sendall(b"ping")
            assert peer.recv(4) == b"ping"
            link.cut()
            assert is_dead(client)
            assert is_dead(peer)


def test_a_half_closed_connection_still_answers(echo: socket.socket) -> None:
    with contextlib.closing(Link(*echo.getsockname())) as link, connect(link) as client:
        peer, _ = echo.accept()
        with peer:
            peer.settimeout(WAIT_S)
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := peer.recv(64):
                received += chunk
            peer.sendall(received.upper())
        assert client.recv(64) == b"QUESTION"
        assert client.recv(64) == b""


def test_a_target_that_is_away_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    with contextlib.closing(Link(*address)) as link, pytest.raises(requests.ConnectionError):
        get(link)


def test_close_ends_the_thread_and_gives_the_port_back(server: ThreadingHTTPServer) -> None:
    link = Link("127.0.0.1", server.server_port)
    client = connect(link)
    link.close()
    link.close()
    assert is_dead(client)
    client.close()
    assert f"link-{link.port}" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        connect(link)
