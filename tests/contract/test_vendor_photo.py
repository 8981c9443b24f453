"""Photo libraries in all four call forms: good pictures, and every way not to give one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from drivers.idcard.vendor import photo
from drivers.idcard.vendor.photo import VendorPhotoDecoder
from drivers.idcard.vendor.process import CHILD_FILE

COMMAND = [sys.executable, "-m", "drivers.idcard.vendor.child"]
FORMS = ["GetBmp", "dewlt", "unpack", "wlt2Bmp"]
HEAD = bytes.fromhex("57 4C 66 00 7E 00 32 00")
LOGGER = "drivers.idcard.vendor.photo"


class Wish(IntEnum):
    """What the stand-in does with a block (``native/photo.c``)."""

    GOOD = 0
    WRONG_SIZE = 1
    HANG = 2
    CRASH = 3
    ABORT = 4
    NOT_AUTHORISED = 5
    ONE_COLOUR = 6
    TOP_DOWN = 7
    PRINT = 8
    NOTHING = 9
    OVERRUN = 10
    GREEDY = 11
    EXIT = 12


def block(wish: Wish = Wish.GOOD, start: int = 3) -> bytes:
    return (HEAD + bytes(8) + bytes([wish, start])).ljust(1024, b"\x55")


def expected(start: int = 3) -> np.ndarray:
    """Return the gradient that the stand-in draws."""
    rows, columns, channels = np.mgrid[0:126, 0:102, 0:3]
    return (start + rows + np.where(channels == 0, columns, 0) + np.where(channels == 2, 100, 0)).astype(np.uint8)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def make_decoder(compile_library, no_children_left: None) -> Iterator[Callable[..., VendorPhotoDecoder]]:
    before = descriptors()

    def make(form: str, *, definitions: tuple[str, ...] = (), **settings: object) -> VendorPhotoDecoder:
        library = compile_library("photo.c", *definitions)
        return VendorPhotoDecoder(
            settings.pop("command", COMMAND), settings.pop("library", library), form=form, argument=2, **settings
        )

    yield make
    assert descriptors() == before
    assert not list(Path("/dev/shm").glob(f"idcard-{os.getpid()}-*"))


@pytest.mark.parametrize("form", FORMS)
def test_a_picture(make_decoder: Callable[..., VendorPhotoDecoder], form: str) -> None:
    decoder = make_decoder(form)
    for start in (3, 90):
        picture = decoder.decode(block(start=start))
        assert picture is not None
        assert (picture.dtype, picture.flags.owndata) == (np.uint8, True)
        np.testing.assert_array_equal(picture, expected(start))


@pytest.mark.parametrize("form", ["GetBmp", "wlt2Bmp"])
def test_a_picture_stored_from_the_top(make_decoder: Callable[..., VendorPhotoDecoder], form: str) -> None:
    np.testing.assert_array_equal(make_decoder(form).decode(block(Wish.TOP_DOWN)), expected())


def test_unpack_under_its_cpp_name(make_decoder: Callable[..., VendorPhotoDecoder]) -> None:
    picture = make_decoder("unpack", definitions=("MANGLED",)).decode(block())
    np.testing.assert_array_equal(picture, expected())


def test_a_bare_python_can_be_the_helper(make_decoder: Callable[..., VendorPhotoDecoder]) -> None:
    decoder = make_decoder("dewlt", command=[sys.executable, "-I", "-S", str(CHILD_FILE)])
    np.testing.assert_array_equal(decoder.decode(block()), expected())


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"channel_order": "RGB"}, lambda rows: rows[:, :, ::-1]),
        ({"flip": "vertical"}, lambda rows: rows[::-1]),
        ({"flip": "horizontal"}, lambda rows: rows[:, ::-1]),
        ({"flip": "both", "channel_order": "RGB"}, lambda rows: rows[::-1, ::-1, ::-1]),
    ],
)
def test_turned_over_and_colours_exchanged(
    make_decoder: Callable[..., VendorPhotoDecoder], settings: dict[str, str], change: Callable[..., np.ndarray]
) -> None:
    np.testing.assert_array_equal(make_decoder("unpack", **settings).decode(block()), change(expected()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "wish", [Wish.HANG, Wish.CRASH, Wish.ABORT, Wish.EXIT, Wish.NOT_AUTHORISED, Wish.ONE_COLOUR, Wish.NOTHING]
)
def test_no_picture_and_the_next_one(
    make_decoder: Callable[..., VendorPhotoDecoder],
    form: str,
    wish: Wish,
    allow_logs: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    allow_logs(LOGGER)
    decoder = make_decoder(form, timeout_s=1.0 if wish is Wish.HANG else 3.0)
    assert decoder.decode(block(wish)) is None
    assert len(caplog.records) == 1
    assert ("code -5" in caplog.text) is (wish is Wish.NOT_AUTHORISED)
    np.testing.assert_array_equal(decoder.decode(block()), expected())


@pytest.mark.parametrize(
    ("form", "wish"),
    [("GetBmp", Wish.WRONG_SIZE), ("wlt2Bmp", Wish.WRONG_SIZE), ("unpack", Wish.OVERRUN), ("unpack", Wish.GREEDY)],
)
def test_pictures_that_are_none(
    make_decoder: Callable[..., VendorPhotoDecoder], form: str, wish: Wish, allow_logs: Callable[..., None]
) -> None:
    allow_logs(LOGGER)
    assert make_decoder(form).decode(block(wish)) is None


@pytest.mark.parametrize("form", FORMS)
def test_a_library_that_prints_disturbs_nobody(
    make_decoder: Callable[..., VendorPhotoDecoder], form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    np.testing.assert_array_equal(make_decoder(form).decode(block(Wish.PRINT)), expected())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "data", [b"", HEAD, bytes(1024), b"\xff" * 1024, HEAD + bytes(1016), HEAD + b"\xff" * 1016, block()[1:] + b"x"]
)
def test_what_is_no_block_never_reaches_the_library(
    make_decoder: Callable[..., VendorPhotoDecoder], data: bytes, allow_logs: Callable[..., None]
) -> None:
    allow_logs(LOGGER)
    assert make_decoder("unpack", command=["/nonexistent"]).decode(data) is None


def test_libraries_that_may_not_be_used(
    make_decoder: Callable[..., VendorPhotoDecoder],
    compile_library: Callable[..., object],
    allow_logs: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    allow_logs(LOGGER)
    library = compile_library("photo.c")
    assert make_decoder("unpack", library=replace(library, sha256="0" * 64)).decode(block()) is None
    assert make_decoder("unpack", library=replace(library, path=Path("libwlt.so"))).decode(block()) is None
    assert make_decoder("GetBmp", library=compile_library("reader.c", "SDT")).decode(block()) is None
    reasons = ("SHA-256", "not absolute", "function missing: GetBmp")
    assert [any(reason in record.getMessage() for reason in reasons) for record in caplog.records] == [True] * 3


def test_a_photo_is_never_written_to_a_disk(
    make_decoder: Callable[..., VendorPhotoDecoder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allow_logs: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    allow_logs(LOGGER)
    monkeypatch.setattr(photo, "_MEMORY_FOLDER", tmp_path)
    assert make_decoder("GetBmp").decode(block()) is None
    assert "never written to a disk" in caplog.text
    np.testing.assert_array_equal(make_decoder("unpack").decode(block()), expected())
    assert not list(tmp_path.iterdir())
