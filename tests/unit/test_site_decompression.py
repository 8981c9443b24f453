"""Compressed request bodies: the same as plain ones, however they are cut, and no bomb among them."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import random
import tracemalloc
import zlib
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from workstation.site.server import problems
from workstation.site.server.body_limit import MAX_BODY_BYTES, MAX_REVIEW_BYTES, BodyLimit
from workstation.site.server.compression import WORTH_BYTES, Compression
from workstation.site.server.decompression import MAX_RATIO, RATIO_FREE_BYTES, Decompression


async def _echo(request: Request) -> JSONResponse:
    body = await request.body()
    encoded = [name for name in ("content-encoding", "content-length") if name in request.headers]
    return JSONResponse({"crc": zlib.crc32(body), "length": len(body), "headers": encoded})


def _server() -> FastAPI:
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.add_middleware(Decompression)
    app.add_middleware(BodyLimit)
    app.add_api_route("/{path:path}", _echo, methods=["POST"])
    return app


SERVER = _server()


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def post(chunks: list[bytes], encoding: str | None = "gzip", path: str = "/reports", app=SERVER, **headers) -> Answer:
    """Send a body in these pieces, as a server hands them on."""
    answer = Answer()
    waiting = list(chunks) or [b""]
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    if encoding is not None:
        sent.append((b"content-encoding", encoding.encode()))

    async def receive():
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": sent,
    }
    asyncio.run(app(scope, receive, send))
    return answer


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def problem(answer: Answer) -> int:
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert json.loads(answer.body)["status"] == answer.status
    return answer.status


@given(
    body=st.one_of(
        st.binary(max_size=300), st.integers(0, 400_000).map(lambda n: random.Random(n).randbytes(n // 20) * 20)
    ),
    places=st.lists(st.integers(0, 10**6), max_size=6),
    level=st.integers(0, 9),
)
def test_a_compressed_body_is_the_plain_one_however_it_is_cut(body, places, level):
    answer = post(cut(gzip.compress(body, level), places))
    assert answer.status == 200
    assert json.loads(answer.body) == {"crc": zlib.crc32(body), "length": len(body), "headers": []}


@given(body=st.binary(max_size=400), places=st.lists(st.integers(0, 500), max_size=4))
def test_what_is_no_gzip_is_refused_or_what_it_says(body, places):
    answer = post(cut(body, places))
    try:
        length = len(gzip.decompress(body))
    except (OSError, EOFError, zlib.error):
        length = None
    if length is None or not body:
        assert problem(answer) == 400
    else:
        assert json.loads(answer.body)["length"] == length


@given(end=st.integers(0, 200), places=st.lists(st.integers(0, 500), max_size=4))
def test_a_cut_one_is_refused(end, places):
    whole = gzip.compress(bytes(range(256)))
    assert problem(post(cut(whole[: min(end, len(whole) - 1)], places))) == 400


@pytest.mark.parametrize("more", [b"x", gzip.compress(b"more", mtime=0), b"\0" * 9], ids=["text", "gzip", "zeros"])
@pytest.mark.parametrize("separate", [False, True])
def test_nothing_may_follow(more, separate):
    whole = gzip.compress(b"report")
    assert problem(post([whole, more] if separate else [whole + more])) == 400


def test_an_empty_last_piece_is_no_fault():
    assert post([gzip.compress(b"report"), b""]).status == 200


def test_a_flipped_bit_is_found():
    whole = bytearray(gzip.compress(b"a report of a booth, in which nothing may change on its way"))
    whole[-6] ^= 1
    assert problem(post([bytes(whole)])) == 400


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "gzip,br"])
def test_another_encoding_is_refused_and_the_right_one_named(encoding):
    answer = post([b"x"], encoding)
    assert problem(answer) == 415
    assert answer.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("encoding", [None, "", "identity"])
def test_plain_bodies_pass(encoding):
    assert json.loads(post([b"re", b"port"], encoding).body)["length"] == 6


def test_a_bomb_is_refused_early_and_in_little_memory():
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeezer.compress(b"\0" * (1 << 20)) for _ in range(300)) + squeezer.flush()
    assert len(bomb) < 400_000
    tracemalloc.start()
    assert problem(post(cut(bomb, [len(bomb) // 7 * n for n in range(1, 7)]))) == 413
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MAX_BODY_BYTES


def test_a_body_that_grows_suspiciously_is_refused_before_it_is_long():
    body = b"a" * (RATIO_FREE_BYTES * 4)
    assert len(gzip.compress(body)) * MAX_RATIO < len(body)
    assert problem(post([gzip.compress(body)])) == 413
    assert post([gzip.compress(b"a" * RATIO_FREE_BYTES)]).status == 200


@pytest.mark.parametrize(("path", "limit"), [("/reports", MAX_BODY_BYTES), ("/reviews/1", MAX_REVIEW_BYTES)])
def test_a_decompressed_body_may_be_as_long_as_a_plain_one(path, limit):
    fits = (os.urandom(1024) * (limit // 1024 // 16 + 1) * 16)[:limit]
    assert post([gzip.compress(fits, 1)], path=path).status == 200
    assert problem(post([gzip.compress(fits + b"x", 1)], path=path)) == 413


def _answering(length: int) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_middleware(Compression)

    async def answer() -> JSONResponse:
        return JSONResponse("x" * length)

    app.add_api_route("/{path:path}", answer, methods=["POST"])
    return app


@pytest.mark.parametrize(
    ("path", "length", "accepts", "is_packed"),
    [
        ("/v1/booths/b/reports", 4000, "gzip", True),
        ("/v1/board", 4000, "deflate, gzip", True),
        ("/v1/booths/b/reports", 4000, "identity", False),
        ("/v1/booths/b/reports", WORTH_BYTES - 10, "gzip", False),
        ("/v1/booths/b/launches", 4000, "gzip", False),
        ("/v1/booths/b", 4000, "gzip", False),
    ],
)
def test_answers_are_compressed_where_it_helps_and_no_secret_is_in_them(path, length, accepts, is_packed):
    app = _answering(length)
    answer = post([b""], None, path, app, **{"accept-encoding": accepts})
    assert answer.status == 200
    assert answer.headers.get("content-encoding") == ("gzip" if is_packed else None)
    body = gzip.decompress(answer.body) if is_packed else answer.body
    assert json.loads(body) == "x" * length
