"""The NUT client against a scripted server: what goes over the wire, and every way a server can misbehave."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import certifi
import pytest

from drivers.contracts import UpsFlag
from drivers.ups.nut import NutUps

Script = Callable[[socket.socket], None]
GOOD = b'BEGIN LIST VAR booth\nVAR booth ups.status "OL"\nEND LIST VAR booth\n'
STALL_S = 0.4


class Served:
    """A loopback server that runs one script per connection, in order, then closes."""

    def __init__(self, scripts: list[Script]) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            for script in self._scripts:
                connection, _ = self._listener.accept()
                connection.settimeout(10)
                with connection, suppress(OSError):
                    script(connection)

    def close(self) -> None:
        self.is_over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    servers: list[Served] = []

    def start(*scripts: Script) -> Served:
        servers.append(Served(list(scripts)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _expect_loss(allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.ups.nut")


@contextmanager
def nut(port: int, *, username: str = "", password: str = "", ca_file: Path | None = None) -> Iterator[NutUps]:
    ups = NutUps("127.0.0.1", port, "booth", username=username, password=lambda: password, ca_file=ca_file)
    try:
        yield ups
    finally:
        ups.close()


def line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError
        data += byte
    return data


def exchange(*pairs: tuple[bytes, bytes]) -> Script:
    """Play pairs of command and answer; an unexpected command is answered with an error that the test sees."""

    def script(connection: socket.socket) -> None:
        for command, answer in pairs:
            connection.sendall(answer if line(connection) == command else b"ERR UNEXPECTED\n")

    return script


def answer(data: bytes) -> Script:
    return exchange((b"LIST VAR booth\n", data))


def stall(data: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        line(connection)
        connection.sendall(data)
        connection.recv(1)

    return script


def drip(connection: socket.socket) -> None:
    line(connection)
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def flood(connection: socket.socket) -> None:
    line(connection)
    connection.sendall(b"BEGIN LIST VAR booth\n")
    while True:
        connection.sendall(b'VAR booth ups.status "OL"\n' * 100)


def test_a_good_poll_and_one_connection_for_several(serve: Callable[..., Served]) -> None:
    server = serve(exchange((b"LIST VAR booth\n", GOOD), (b"LIST VAR booth\n", GOOD)))
    with nut(server.port) as ups:
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_credentials_are_quoted(serve: Callable[..., Served]) -> None:
    server = serve(
        exchange(
            (b"USERNAME monitor\n", b"OK\n"),
            (rb'PASSWORD "a b\"c\\d"' + b"\n", b"OK\n"),
            (b"LIST VAR booth\n", GOOD),
        )
    )
    with nut(server.port, username="monitor", password='a b"c\\d') as ups:
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_refused_credentials_are_tried_again_on_a_new_connection(serve: Callable[..., Served]) -> None:
    refused = exchange((b"USERNAME monitor\n", b"OK\n"), (b"PASSWORD wrong\n", b"ERR ACCESS-DENIED\n"))
    server = serve(refused, refused)
    with nut(server.port, username="monitor", password="wrong") as ups:
        assert ups.poll(timeout_s=5).detail == "ACCESS-DENIED"
        assert ups.poll(timeout_s=5).detail == "ACCESS-DENIED"


def test_an_error_answer_keeps_the_connection(serve: Callable[..., Served]) -> None:
    server = serve(exchange((b"LIST VAR booth\n", b"ERR DATA-STALE\n"), (b"LIST VAR booth\n", GOOD)))
    with nut(server.port) as ups:
        reading = ups.poll(timeout_s=5)
        assert (reading.flags, reading.detail) == (None, "DATA-STALE")
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_a_kept_connection_that_died_is_replaced_in_the_same_poll(serve: Callable[..., Served]) -> None:
    server = serve(answer(GOOD), answer(GOOD))
    with nut(server.port) as ups:
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (answer(b""), "ECONNRESET"),
        (answer(b"BEGIN LIST VAR booth\nVAR booth ups.sta"), "ECONNRESET"),
        (answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol: unexpected line in list"),
        (answer(bytes(range(256)) * 40), "protocol:"),
        (answer(b"x" * 100_000), "protocol: line too long"),
        (answer(b'BEGIN LIST VAR booth\nVAR booth ups.status "OL\nEND LIST VAR booth\n'), "protocol: bad quoting"),
        (answer(b"BEGIN LIST VAR other\n"), "protocol: unexpected line in list"),
        (answer(b"ERR \x1b[31mred\n"), "ERR"),
        (answer(b"BEGIN LIST VAR booth\nEND LIST VAR booth\n"), "ups.status missing"),
        (flood, "protocol: list too long"),
    ],
)
def test_garbage_is_no_reading_and_the_next_poll_recovers(
    serve: Callable[..., Served], script: Script, detail: str
) -> None:
    def bad_then_gone(connection: socket.socket) -> None:
        script(connection)

    server = serve(bad_then_gone, answer(GOOD))
    with nut(server.port) as ups:
        reading = ups.poll(timeout_s=5)
        assert reading.flags is None
        assert reading.detail.startswith(detail)
        ups.close()
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


@pytest.mark.parametrize("script", [stall(b""), stall(b"BEGIN LIST VAR booth\nVAR boo"), drip])
def test_a_slow_server_is_left_at_the_deadline(serve: Callable[..., Served], script: Script) -> None:
    server = serve(script, answer(GOOD))
    with nut(server.port) as ups:
        reading = ups.poll(timeout_s=STALL_S)
        assert (reading.flags, reading.detail) == (None, "timed out")
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_no_server_at_all() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with nut(unused.getsockname()[1]) as ups:
            assert ups.poll(timeout_s=5).detail == "ECONNREFUSED"
            assert ups.poll(timeout_s=0).detail == "timed out"


def test_loss_and_return_are_logged_once_each(serve: Callable[..., Served], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "drivers.ups.nut")
    stale, good = (b"LIST VAR booth\n", b"ERR DATA-STALE\n"), (b"LIST VAR booth\n", GOOD)
    server = serve(exchange(good, stale, stale, good, good))
    with nut(server.port) as ups:
        for _ in range(5):
            ups.poll(timeout_s=5)
    assert caplog.messages == ["UPS lost: DATA-STALE", "UPS back"]


def test_the_password_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with nut(1, username="monitor", password="marker-4711") as ups:
        reading = ups.poll(timeout_s=1)
    assert "marker-4711" not in f"{ups!r}{reading!r}{caplog.text}"


# --- STARTTLS ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nut-tls") / "server.pem"
    key = path.with_suffix(".key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(path), "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


def tls_server(certificate: Path, after: Script, *, extra: bytes = b"") -> Script:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def script(connection: socket.socket) -> None:
        assert line(connection) == b"STARTTLS\n"
        connection.sendall(b"OK STARTTLS\n" + extra)
        with ExitStack() as stack:
            after(stack.enter_context(context.wrap_socket(connection, server_side=True)))

    return script


def test_starttls_protects_the_login(serve: Callable[..., Served], certificate: Path) -> None:
    login = exchange((b"USERNAME m\n", b"OK\n"), (b"PASSWORD p\n", b"OK\n"), (b"LIST VAR booth\n", GOOD))
    server = serve(tls_server(certificate, login))
    with nut(server.port, username="m", password="p", ca_file=certificate) as ups:
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_an_unknown_certificate_is_refused(serve: Callable[..., Served], certificate: Path) -> None:
    server = serve(tls_server(certificate, answer(GOOD)))
    with nut(server.port, ca_file=Path(certifi.where())) as ups:
        assert ups.poll(timeout_s=5).detail.startswith("TLS: self")


def test_words_before_the_handshake_are_refused(serve: Callable[..., Served], certificate: Path) -> None:
    server = serve(tls_server(certificate, answer(GOOD), extra=GOOD))
    with nut(server.port, ca_file=certificate) as ups:
        assert ups.poll(timeout_s=5).detail == "protocol: data before the TLS handshake"


def test_without_starttls_no_credentials_are_sent(serve: Callable[..., Served]) -> None:
    sent: list[bytes] = []

    def script(connection: socket.socket) -> None:
        sent.append(line(connection))
        connection.sendall(b"ERR FEATURE-NOT-CONFIGURED\n")
        sent.append(connection.recv(100))

    server = serve(script)
    with nut(server.port, username="m", password="p", ca_file=Path(certifi.where())) as ups:
        assert ups.poll(timeout_s=5).detail == "FEATURE-NOT-CONFIGURED"
    server.close()
    assert sent == [b"STARTTLS\n", b""]
