"""How late a voice is: from the microphone of one booth to the ear cup of another, both recorded by this process."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from assets.build_models import ensure
from drivers.headset.levels import RATE, Samples
from drivers.simulated.janus import JanusService
from drivers.simulated.pulse import CAPTURE_NAME, PulseService
from tests.bench.conference_parties import booth_media, enter, until
from tests.bench.report import Row, show
from tests.integration.conference_stage import PageProcess, make_rooms, ticket
from tests.speech import spoken
from workstation.conference.contract import Anonymity, MediaWish, StreamPhase
from workstation.site.conference import ConferenceRole

BURSTS = 5
APART_S = 2.0
SETTLE_S = 4.0
_RECORD_MS: Final = 10
_WINDOW: Final = RATE // 1000
_BEGINS_AT: Final = 0.2
"""Of the burst's own greatest level: there it has begun, in either recording."""


class Recording:
    """One source of one sound server, from entering to leaving; samples are placed on ``time.monotonic``."""

    def __init__(self, pulse: PulseService, source: str) -> None:
        self._chunks: list[tuple[float, bytes]] = []
        raw = ("--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", f"--latency-msec={_RECORD_MS}")
        command = ["parec", f"--server={pulse.server}", f"--device={source}", *raw]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self._thread = threading.Thread(target=self._read, name="recording")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def onset(self, after: float, before: float) -> float:
        """Return when the burst between these two times began.

        Raises:
            LookupError: nothing but silence came.
        """
        chunks = list(self._chunks)
        received = np.cumsum([len(data) for _, data in chunks]) // 2
        # A chunk comes when its last sample was recorded; the median leaves out those that were read late.
        zero = statistics.median(
            at - count / RATE for (at, _), count in zip(chunks, received, strict=True) if after <= at <= before
        )
        sound: Samples = np.frombuffer(b"".join(data for _, data in chunks), np.int16)
        first, last = (max(0, int((at - zero) * RATE)) for at in (after, before))
        part = sound[first:last].astype(np.float64)
        level = np.sqrt((part[: len(part) // _WINDOW * _WINDOW].reshape(-1, _WINDOW) ** 2).mean(axis=1))
        if not level.size or level.max() < 100:
            raise LookupError("the burst was not heard")
        begun = first + int(np.argmax(level > _BEGINS_AT * level.max())) * _WINDOW
        return float(zero) + begun / RATE

    def _read(self) -> None:
        assert self._process.stdout is not None
        odd = b""
        while data := self._process.stdout.read(1 << 14):
            data, odd = odd + data, b""
            if len(data) % 2:
                data, odd = data[:-1], data[-1:]
            self._chunks.append((time.monotonic(), data))


def run(directory: Path) -> None:
    """Measure with and without the voice change, in a meeting of these two."""
    homes = [directory / name for name in ("delay", "speaker", "listener")]
    for home in homes:
        home.mkdir()
    with JanusService(homes[0]) as janus, PulseService(homes[1]) as speaker, PulseService(homes[2]) as listener:
        make_rooms(janus)
        for pulse in (speaker, listener):
            pulse.plug()
        plain = _measure(janus, speaker, listener, Anonymity())
        changed = _measure(janus, speaker, listener, Anonymity(voice=True))
    show(
        "a voice from one booth's microphone to another's ear cup",
        [
            Row(what="as it is", samples=plain, unit="ms"),
            Row(what="changed", samples=changed, unit="ms"),
            Row(what="the change", samples=[statistics.median(changed) - statistics.median(plain)], unit="ms"),
        ],
    )


def _measure(janus: JanusService, speaker: PulseService, listener: PulseService, anonymity: Anonymity) -> list[float]:
    """Return the milliseconds of each burst."""
    with contextlib.ExitStack() as stack:
        with _sound_server(listener):
            hears = stack.enter_context(contextlib.closing(PageProcess()))
        with _sound_server(speaker):
            speaks = stack.enter_context(contextlib.closing(PageProcess()))
            wish = MediaWish(microphone=True, capture=CAPTURE_NAME)
            media, address = stack.enter_context(booth_media(ensure(), anonymity, wish))
        hears.join(ticket(janus, "listener", "listener", ConferenceRole.LEADER))
        until("voice", lambda: media.status().voice is StreamPhase.LIVE)
        enter(speaks, ticket(janus, "speaker", "speaker", ConferenceRole.LEADER), address.url)
        speaks.press("microphone")
        said = stack.enter_context(Recording(speaker, CAPTURE_NAME))
        heard = stack.enter_context(Recording(listener, listener.ear("left")))
        time.sleep(SETTLE_S)
        took = [_burst(speaker, said, heard) for _ in range(BURSTS)]
        assert media.status().voice is StreamPhase.LIVE, media.status()
    return took


def _burst(speaker: PulseService, said: Recording, heard: Recording) -> float:
    began = time.monotonic()
    speaker.say(spoken(130, 0.5))
    time.sleep(APART_S)
    speaker.hush()
    begun_at = said.onset(began, began + APART_S)
    return 1000 * (heard.onset(begun_at, began + APART_S) - begun_at)


@contextlib.contextmanager
def _sound_server(pulse: PulseService) -> Iterator[None]:
    """Let the processes started meanwhile use this one."""
    before = os.environ.get("PULSE_SERVER")
    os.environ["PULSE_SERVER"] = pulse.server
    try:
        yield
    finally:
        del os.environ["PULSE_SERVER"]
        if before is not None:
            os.environ["PULSE_SERVER"] = before
