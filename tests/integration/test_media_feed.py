"""The WebSocket of the processed streams: who gets in, and what becomes of packets that nobody takes in time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from workstation.conference.contract import PAGE_ORIGIN, PacketKind
from workstation.conference.media.feed import MOST_WAITING, Feed

TIMEOUT_S = 10


@pytest.fixture
def feed() -> Iterator[Feed]:
    with contextlib.closing(Feed()) as feed:
        yield feed


def opened(url: str, origin: str | None = PAGE_ORIGIN) -> ClientConnection:
    return connect(url, origin=Origin(origin) if origin else None, open_timeout=TIMEOUT_S, compression=None, proxy=None)


def first_packet(feed: Feed, page: ClientConnection) -> bytes:
    """Send until the server knows the page."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        feed.put(PacketKind.AUDIO, b"hello")
        with contextlib.suppress(TimeoutError):
            return bytes(page.recv(0.1, decode=False))
    raise AssertionError("nothing came")


def is_ended(page: ClientConnection) -> bool:
    """Whether the server ends this connection."""
    try:
        while page.recv(TIMEOUT_S):
            pass
    except ConnectionClosed:
        return True
    return False


def test_the_page_gets_what_is_put(feed: Feed) -> None:
    with opened(feed.address.url) as page:
        assert first_packet(feed, page) == b"hello"
        feed.put(PacketKind.VIDEO, b"v" * 1_000_000)
        while (packet := page.recv(TIMEOUT_S)) == b"hello":
            pass
        assert packet == b"v" * 1_000_000


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", f"{PAGE_ORIGIN}.evil", "http://127.0.0.1"])
def test_another_origin_is_refused(feed: Feed, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(feed.address.url, origin)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/x", "/{key}/", "/{key}?x", "/..%2f{key}", "/%E4%B8%AD"])
def test_another_key_is_refused(feed: Feed, path: str) -> None:
    url = f"ws://127.0.0.1:{feed.address.port}{path.format(key=feed.address.key)}"
    with pytest.raises(InvalidStatus) as refused:
        opened(url)
    assert refused.value.response.status_code == 404


def test_it_listens_on_loopback_and_every_key_is_new(feed: Feed) -> None:
    assert feed._socket.getsockname()[0] == "127.0.0.1"
    with contextlib.closing(Feed()) as other:
        assert other.address.key != feed.address.key


def test_a_page_that_does_not_read_loses_the_oldest_and_never_gets_much_at_once(feed: Feed) -> None:
    with opened(feed.address.url) as page:
        first_packet(feed, page)
        client = feed._client
        assert client is not None
        for number in range(400):  # 140 MB of pictures, 4 s of sound
            feed.put(PacketKind.VIDEO, number.to_bytes(2, "big") + bytes(345_600))
            feed.put(PacketKind.AUDIO, number.to_bytes(2, "big") + bytes(960))
            time.sleep(0.001)
        for kind, most in MOST_WAITING.items():
            assert len(client._waiting[kind]) <= most
        deadline, last = time.monotonic() + TIMEOUT_S, b""
        pictures = 0
        while last[:2] != (399).to_bytes(2, "big"):
            assert time.monotonic() < deadline
            last = bytes(page.recv(TIMEOUT_S, decode=False))
            pictures += len(last) > 1000
        assert pictures < 60


def test_what_waits_of_a_stopped_stream_is_dropped(feed: Feed) -> None:
    with opened(feed.address.url) as page:
        first_packet(feed, page)
        client = feed._client
        assert client is not None
        for _ in range(100):  # until the way is full
            feed.put(PacketKind.VIDEO, bytes(345_600))
            time.sleep(0.002)
        feed.put(PacketKind.AUDIO, b"secret")
        feed.drop(PacketKind.AUDIO)
        feed.put(PacketKind.VIDEO, b"end")
        deadline, packet = time.monotonic() + TIMEOUT_S, b""
        while packet != b"end":
            assert time.monotonic() < deadline
            packet = bytes(page.recv(TIMEOUT_S, decode=False))
            assert packet != b"secret"


def test_a_new_page_takes_the_place_of_the_old(feed: Feed) -> None:
    with opened(feed.address.url) as old:
        first_packet(feed, old)
        with opened(feed.address.url) as new:
            assert first_packet(feed, new) == b"hello"
            assert is_ended(old)


def test_noise_on_the_port_and_a_talking_page_do_no_harm(feed: Feed) -> None:
    for noise in (b"", b"\0" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe" * 200):
        with socket.create_connection(("127.0.0.1", feed.address.port), TIMEOUT_S) as connection:
            connection.sendall(noise)
    with opened(feed.address.url) as page:
        page.send("hello there")
        page.send(b"\0" * 100)
        assert first_packet(feed, page) == b"hello"
    with opened(feed.address.url) as page:
        page.send(b"x" * 5000)
        assert is_ended(page)
