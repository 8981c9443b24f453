"""A booth in a meeting of six against plain Chromium in its place: cost and time to join; then how late a voice is.

The other five send moving pictures and one of them speaks. They load the same cores; only the sixth party's processes
are counted.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from assets.build_models import ensure
from drivers.contracts import Image
from drivers.simulated.bench import BenchFile, Scene
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.janus import JanusService
from drivers.simulated.pulse import CAPTURE_NAME, PulseService
from tests.bench import conference_delay, idle
from tests.bench.conference_parties import Chromium, booth_media, enter, until
from tests.bench.report import Row, show
from tests.integration.conference_site import link, served
from tests.integration.conference_stage import FakeMedia, PageProcess, make_rooms, ticket
from tests.speech import spoken
from workstation.conference.contract import SAMPLE_RATE, Anonymity, MediaWish, StreamPhase
from workstation.conference.media.i420 import i420
from workstation.site.conference import ConferenceRole, ConferenceTicket

OTHERS = 5
LAST = "z"
"""Begins the names of who is measured: who has just gone is in the room for a while, after the others' pictures."""
ROUNDS = 5
SETTLE_S = 3.0
WATCH_S = 5.0
OTHERS_NICE = 10
"""Whoever is measured gets what it wants of the processor; that the others keep up is seen from the pictures."""
FILM_S = 4
FPS = 15
WINDOW = (414, 980)
OTHERS_WINDOW = (64, 64)
"""They receive and decode everything, and hardly draw."""
_EVERYBODY_SEEN = (
    "[...document.querySelectorAll('.tile video')].filter((each) => !each.hidden && each.videoWidth > 0).length"
    f" === {OTHERS + 1}"
)
_SHOWN = (
    "[...document.querySelectorAll('.tile video')]"
    ".reduce((sum, each) => sum + each.getVideoPlaybackQuality().totalVideoFrames, 0)"
)
_SPEAK = "document.querySelector('[data-name=microphone]').click()"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One party's visit to the meeting.

    Attributes:
        joined_s: from opening the page.
        cpu_percent: of one core, all its processes.
        pictures_hz: shown in all six tiles, the own one included, per second.
        machine_percent: of all cores, everything that ran meanwhile.
    """

    joined_s: float
    cpu_percent: float
    pss_mb: float
    pictures_hz: float
    machine_percent: float


class _Moving(FakeMedia):
    """The film in place of a colour."""

    def __init__(self, film: Sequence[Image], tone_hz: float, sends: set[str]) -> None:
        height, width = film[0].shape[:2]
        super().__init__((0, 128, 128), tone_hz, size=(width, height))
        self.sends = sends
        self._film = [i420(image).tobytes() for image in film]

    def picture(self, block: int) -> bytes:
        return self._film[block * FPS // 100 % len(self._film)]


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """What both parties find: meeting, sound server, page, what is seen and said."""

    janus: JanusService
    pulse: PulseService
    site: str
    models_dir: Path
    film: Sequence[Image]
    film_file: Path
    speech_file: Path


def run(directory: Path) -> None:
    """Measure the two in turns in one meeting, then the voice's way in a meeting of two."""
    _run_costs(directory)
    conference_delay.run(directory)


def show_costs(booth: Sequence[Visit], peer: Sequence[Visit]) -> None:
    """Print both, and the booth's ratios of medians."""
    columns = (
        ("opening the page to joined", "s", "joined_s"),
        ("processor, of one core", "%", "cpu_percent"),
        ("memory, PSS", "MB", "pss_mb"),
        ("pictures shown, all tiles", "/s", "pictures_hz"),
        ("whole machine meanwhile, of all cores", "%", "machine_percent"),
    )
    rows = [
        Row(what=f"{who}: {what}", samples=[getattr(visit, name) for visit in visits], unit=unit)
        for who, visits in (("booth", booth), ("chromium", peer))
        for what, unit, name in columns
    ]
    for what, _, name in columns[:3]:
        ours, theirs = (statistics.median(getattr(visit, name) for visit in visits) for visits in (booth, peer))
        rows.append(Row(what=f"booth / chromium: {what}", samples=[ours / theirs], unit="x"))
    show(
        f"one party of {OTHERS + 1}, pictures 640x360, {WATCH_S:.0f} s each; the booth with mask and voice change", rows
    )


def _run_costs(directory: Path) -> None:
    with _prepared(directory) as stage, _everybody_else(stage):
        booth, peer = [], []
        for number in range(1 + ROUNDS):  # the first of each warms the disk cache and is dropped
            booth.append(_visit_by_booth(stage, number))
            peer.append(_visit_by_chromium(stage, number))
    show_costs(booth[1:], peer[1:])


def _visit_by_booth(stage: _Stage, number: int) -> Visit:
    wish = MediaWish(microphone=True, camera=True, capture=CAPTURE_NAME)
    with (
        contextlib.closing(PageProcess(size=WINDOW)) as page,
        booth_media(stage.models_dir, Anonymity(mask=True, voice=True), wish, stage.film) as (media, address),
    ):
        stage.pulse.say(spoken(130, 60.0))
        until("media", lambda: {media.status().video, media.status().voice} == {StreamPhase.LIVE})
        joined_s = enter(page, _way_in(stage, f"{LAST}booth{number}"), address.url)
        page.press("microphone")
        page.wait_for(_EVERYBODY_SEEN)
        assert media.pid is not None
        visit = _watch(joined_s, (page._process.pid, media.pid), lambda: page.run(_SHOWN))
        assert StreamPhase.STOPPED not in {media.status().video, media.status().voice}, media.status()
    stage.pulse.hush()
    return visit


def _visit_by_chromium(stage: _Stage, number: int) -> Visit:
    with (
        tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True) as home,
        Chromium(Path(home), WINDOW, stage.film_file, stage.speech_file) as browser,
    ):
        began = time.monotonic()
        browser.open(link(stage.site, _way_in(stage, f"{LAST}browser{number}")))
        until("joined", lambda: browser.run("Boolean(document.querySelector('.people')?.textContent)"))
        joined_s = time.monotonic() - began
        browser.run(_SPEAK)
        until("everybody", lambda: browser.run(_EVERYBODY_SEEN))
        return _watch(joined_s, (browser.pid,), lambda: browser.run(_SHOWN))


def _watch(joined_s: float, pids: Sequence[int], shown: Callable[[], int]) -> Visit:
    time.sleep(SETTLE_S)
    roots = [psutil.Process(pid) for pid in pids]
    psutil.cpu_percent()
    shown_before, before_s, began = shown(), sum(map(idle._cpu_seconds, roots)), time.monotonic()
    time.sleep(WATCH_S)
    used_s, took_s = sum(map(idle._cpu_seconds, roots)) - before_s, time.monotonic() - began
    return Visit(
        joined_s=joined_s,
        cpu_percent=100 * used_s / took_s,
        pictures_hz=(shown() - shown_before) / took_s,
        machine_percent=psutil.cpu_percent(),
        pss_mb=sum(idle.memory_of(pid).pss_mb for pid in pids),
    )


@contextlib.contextmanager
def _prepared(directory: Path) -> Iterator[_Stage]:
    film = _film(directory)
    with JanusService(directory) as janus, PulseService(directory) as pulse, served() as site:
        make_rooms(janus)
        pulse.plug()
        before = os.environ.get("PULSE_SERVER")
        os.environ["PULSE_SERVER"] = pulse.server
        try:
            yield _Stage(
                janus=janus,
                pulse=pulse,
                site=site,
                models_dir=ensure(),
                film=film,
                film_file=_written_film(directory / "film.y4m", film),
                speech_file=_written_speech(directory / "speech.wav"),
            )
        finally:
            del os.environ["PULSE_SERVER"]
            if before is not None:
                os.environ["PULSE_SERVER"] = before


@contextlib.contextmanager
def _everybody_else(stage: _Stage) -> Iterator[None]:
    """Let the five join, off screen; the window of who is measured is on the screen."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(_Moving(stage.film, 300, {"video"}))
        speaking = stack.enter_context(_Moving(stage.film, 300, {"video", "audio"}))
        for number in range(OTHERS):
            with _at_priority(OTHERS_NICE):
                page = stack.enter_context(contextlib.closing(PageProcess(size=OTHERS_WINDOW)))
            page.join(_way_in(stage, f"other{number}"), silent if number else speaking)
            if number == 0:
                page.press("microphone")
        before = os.environ.get("CONFERENCE_PAGE_PLATFORM")
        os.environ["CONFERENCE_PAGE_PLATFORM"] = "xcb"
        try:
            yield
        finally:
            del os.environ["CONFERENCE_PAGE_PLATFORM"]
            if before is not None:
                os.environ["CONFERENCE_PAGE_PLATFORM"] = before


@contextlib.contextmanager
def _at_priority(more: int) -> Iterator[None]:
    """Let what is started meanwhile be so much nicer; to come back from there needs root."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, before + more)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _way_in(stage: _Stage, name: str) -> ConferenceTicket:
    """Give a role whose screen goes nowhere, so that both parties do the same."""
    return ticket(stage.janus, name, name, ConferenceRole.LEADER)


def _film(directory: Path) -> list[Image]:
    bench = BenchFile(directory / "bench.json")
    bench.change(scene=Scene.PERSON_A)
    camera = SimulatedCamera(bench)
    camera.open()
    return [np.ascontiguousarray(camera.read(timeout_s=1).image[60:420]) for _ in range(FILM_S * FPS)]


def _written_film(file: Path, film: Sequence[Image]) -> Path:
    height, width = film[0].shape[:2]
    pictures = b"".join(b"FRAME\n" + i420(image).tobytes() for image in film)
    file.write_bytes(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode() + pictures)
    return file


def _written_speech(file: Path) -> Path:
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(spoken(130, 60.0).tobytes())
    return file
