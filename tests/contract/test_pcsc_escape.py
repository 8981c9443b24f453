"""SDT frames in control calls, through a real pcscd and a driver of our own (``native/ifd_escape.c``)."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from drivers.contracts import Assurance, CancelToken, DeviceState, Presence
from drivers.errors import DeviceError, ErrorCode, OtherCard, WrongCardError
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.pcsc_frames import EscapeFrames, OpenFrames, RawFrames
from drivers.idcard.reader import ReadPolicy
from drivers.simulated import vpcd
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.other_cards import OTHER_CARDS, ScriptedCard
from drivers.simulated.pcscd import PcscdService, ReaderDriver, free_port_pair
from drivers.simulated.people import PERSON_A
from drivers.simulated.sam import SAM_ID, SamEmulator
from drivers.simulated.vpcd import Shown, VpcdCard

pytestmark = pytest.mark.pcscd

LIMIT_S = 20.0
FEATURE_CODE = 0x42000DAC
OFFERING = "Offering Reader"
PLAIN = "Plain Reader"


@pytest.fixture(scope="module")
def ports(escape_driver: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Two readers: one offers its control code and wants a prefix, one takes the usual code and none."""
    ports = {OFFERING: free_port_pair(), PLAIN: free_port_pair()}
    wishes = {OFFERING: f"FE01:{FEATURE_CODE:X}", PLAIN: "-:0"}
    drivers = []
    for name, port in ports.items():
        library = Path(shutil.copy(escape_driver, tmp_path_factory.mktemp("driver")))  # One reader for each.
        drivers.append(ReaderDriver(name=name, device=f"/dev/null:{port}:{wishes[name]}", library=library))
    with PcscdService(free_port_pair(), drivers):
        yield ports


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchFile:
    monkeypatch.setattr(vpcd, "OTHER_CARDS", {**OTHER_CARDS, "mute": ScriptedCard(atr=b"")})
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@contextmanager
def reader_on(
    bench: BenchFile, ports: dict[str, int], name: str, open_frames: OpenFrames, shown: Shown = Shown.ESCAPES
) -> Iterator[PcscCardReader]:
    lifeline, held = os.pipe()
    card = VpcdCard(BenchFile(bench.path), SamEmulator(), ports[name], shown)
    thread = threading.Thread(target=card.run, args=(lifeline,))
    thread.start()
    reader = PcscCardReader(f"^{name}", ReadPolicy(assurance=Assurance.UNVERIFIED), open_frames)
    try:
        yield reader
        lift(reader, bench)
    finally:
        reader.close()
        os.close(held)
        thread.join(LIMIT_S)
        os.close(lifeline)


def await_presence(reader: PcscCardReader, wanted: Presence) -> None:
    deadline = time.monotonic() + LIMIT_S
    presence = None
    while presence is not wanted:
        assert time.monotonic() < deadline, f"never {wanted}, {reader.status}"
        presence = reader.wait(presence or Presence.NO_READER, timeout_s=1.0, cancel=CancelToken())


def place(reader: PcscCardReader, bench: BenchFile, card: str) -> None:
    bench.change(card=card)
    await_presence(reader, Presence.CARD)


def lift(reader: PcscCardReader, bench: BenchFile) -> None:
    bench.change(card=None)
    await_presence(reader, Presence.EMPTY)


def read_number(reader: PcscCardReader) -> str:
    return reader.read(timeout_s=5.0, cancel=CancelToken()).id_number


def failure(reader: PcscCardReader) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        reader.read(timeout_s=2.0, cancel=CancelToken())
    return raised.value


@pytest.mark.parametrize(
    ("name", "open_frames"),
    [
        pytest.param(OFFERING, partial(EscapeFrames, prefix=b"\xfe\x01"), id="asked"),
        pytest.param(OFFERING, partial(EscapeFrames, prefix=b"\xfe\x01", control_code=FEATURE_CODE), id="set"),
        pytest.param(PLAIN, EscapeFrames, id="usual"),
        pytest.param(PLAIN, partial(EscapeFrames, suffix=b"\x00\x00"), id="suffix"),
    ],
)
def test_the_control_code_is_asked_for_set_or_the_usual_one(
    bench: BenchFile, ports: dict[str, int], name: str, open_frames: OpenFrames
) -> None:
    with reader_on(bench, ports, name, open_frames) as reader:
        place(reader, bench, "person-a")
        assert read_number(reader) == PERSON_A.number
        assert (reader.status.serial, reader.status.firmware) == (str(SAM_ID), "1.23.4")


@pytest.mark.parametrize(
    ("open_frames", "code", "retryable"),
    [
        pytest.param(EscapeFrames, ErrorCode.CARD_UNREADABLE, True, id="prefix missing"),
        pytest.param(
            partial(EscapeFrames, control_code=0x42000002), ErrorCode.CARD_READER_BROKEN, False, id="wrong code"
        ),
    ],
)
def test_a_wrong_configuration_is_told(
    bench: BenchFile, ports: dict[str, int], open_frames: OpenFrames, code: ErrorCode, retryable: bool
) -> None:
    with reader_on(bench, ports, OFFERING, open_frames) as reader:
        place(reader, bench, "person-a")
        error = failure(reader)
        assert (error.code, error.retryable) == (code, retryable)
        assert "scard" in error.context


def test_other_cards_are_named_though_the_sam_finds_nothing(bench: BenchFile, ports: dict[str, int]) -> None:
    with reader_on(bench, ports, PLAIN, EscapeFrames) as reader:
        for card in OTHER_CARDS:
            place(reader, bench, card)
            error = failure(reader)
            assert isinstance(error, WrongCardError), card
            assert error.card is OtherCard(card)
            lift(reader, bench)
        place(reader, bench, "person-a")
        assert read_number(reader) == PERSON_A.number


@pytest.mark.parametrize(
    ("open_frames", "shown"),
    [
        pytest.param(EscapeFrames, Shown.ESCAPES, id="escape"),
        pytest.param(RawFrames, Shown.FRAMES, id="raw"),
    ],
)
def test_cards_that_answer_together_are_mute(
    bench: BenchFile, ports: dict[str, int], open_frames: OpenFrames, shown: Shown
) -> None:
    with reader_on(bench, ports, PLAIN, open_frames, shown) as reader:
        place(reader, bench, "mute")
        assert failure(reader).code is ErrorCode.CARDS_SEVERAL
        assert reader.status.state is DeviceState.READY
        lift(reader, bench)
        place(reader, bench, "person-a")
        assert read_number(reader) == PERSON_A.number
