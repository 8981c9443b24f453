"""Which mode a camera is asked for: the booth's wishes against what cameras of several kinds list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.modes import FORMATS, Mode, choose_mode


def mode(text: str) -> Mode:
    size, fourcc, fps = text.split()
    width, height = size.split("x")
    return Mode(fourcc=fourcc, width=int(width), height=int(height), fps=float(fps))


WEBCAM = [
    *(mode(f"{size} YUYV {fps}") for size in ("320x240", "640x480", "640x360") for fps in (30, 15)),
    *(mode(f"1280x720 {kind}") for kind in ("YUYV 10", "YUYV 5", "MJPG 30", "MJPG 15")),
    *(mode(f"1920x1080 {kind}") for kind in ("YUYV 5", "MJPG 30", "H264 60")),
]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ((640, 480, 15), "640x480 YUYV 15"),
        ((640, 480, 30), "640x480 YUYV 30"),
        ((640, 360, 30), "640x360 YUYV 30"),
        ((1280, 720, 5), "1280x720 YUYV 5"),
        ((1280, 720, 30), "1280x720 MJPG 30"),
        ((1280, 720, 15), "1280x720 MJPG 15"),
        ((1024, 576, 30), "1280x720 MJPG 30"),
        ((1920, 1080, 60), "1920x1080 MJPG 30"),
        ((800, 600, 15), "1280x720 MJPG 15"),
        ((3840, 2160, 30), "1920x1080 MJPG 30"),
        ((320, 240, 60), "320x240 YUYV 30"),
    ],
)
def test_a_usual_webcam(wanted: tuple[int, int, float], chosen: str) -> None:
    assert choose_mode(WEBCAM, *wanted) == mode(chosen)


def test_the_shape_counts_before_the_rate_and_the_rate_before_the_size() -> None:
    assert choose_mode([mode("1280x720 MJPG 30"), mode("800x600 YUYV 15")], 640, 480, 30) == mode("800x600 YUYV 15")
    assert choose_mode([mode("640x480 YUYV 15"), mode("1280x960 MJPG 30")], 640, 480, 30) == mode("1280x960 MJPG 30")


def test_almost_thirty_is_thirty() -> None:
    almost = [mode("640x480 YUYV 29.97"), mode("640x480 MJPG 30")]
    assert choose_mode(almost, 640, 480, 30) == almost[0]


def test_a_camera_that_lists_nothing_is_asked_for_what_is_wanted() -> None:
    assert choose_mode([], 1280, 720, 30) == mode("1280x720 MJPG 30")


def test_an_infrared_camera_is_for_no_faces() -> None:
    assert choose_mode([mode("640x360 GREY 30"), mode("640x360 H264 30")], 640, 480, 15) is None


MODES = st.lists(
    st.builds(
        Mode,
        fourcc=st.sampled_from([*FORMATS, "GREY", "H264", "????"]),
        width=st.integers(0, 5000),
        height=st.integers(0, 5000),
        fps=st.sampled_from([0.0, 5.0, 10.0, 15.0, 29.97, 30.0, 60.0]) | st.floats(0, 1000),
    ),
    min_size=1,
)
WANTED = st.tuples(st.integers(320, 3840), st.integers(240, 2160), st.integers(5, 60))


@given(MODES, WANTED, st.randoms())
def test_the_choice_is_one_of_them_whatever_their_order(modes, wanted, random) -> None:
    width, height, _ = wanted
    chosen = choose_mode(modes, *wanted)
    usable = [each for each in modes if each.fourcc in FORMATS and each.width and each.height]
    assert (chosen in usable) if usable else chosen is None
    shuffled = random.sample(modes, len(modes))
    assert choose_mode(shuffled, *wanted) == chosen
    is_large = [each.width >= width and each.height >= height for each in usable]
    if chosen is not None and any(is_large):
        assert chosen.width >= width
        assert chosen.height >= height


@given(MODES, WANTED)
def test_nothing_better_of_the_same_size_was_left(modes, wanted) -> None:
    *_, fps = wanted
    chosen = choose_mode(modes, *wanted)
    if chosen is None:
        return
    for other in modes:
        if (other.width, other.height) == (chosen.width, chosen.height) and other.fourcc in FORMATS:
            assert other.fps <= chosen.fps or chosen.fps >= fps * 0.98
