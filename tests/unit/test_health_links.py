"""How good a link is, which clock counts, and the way to the conference server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from workstation.health.clock_choice import TIME_SERVICE, ClockChoice
from workstation.health.coordinators.links import SERVER, ConferenceServerCoordinator, MainSiteCoordinator, address_of
from workstation.health.link_window import PROBES, LinkWindow
from workstation.health.probes import read_link
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState, unit_of

OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN


def at(seconds: float) -> Moment:
    return Moment(utc=datetime(2026, 3, 2, tzinfo=UTC), monotonic_s=seconds)


def probe(round_trip_ms: float | None, code: ErrorCode = ErrorCode.MAIN_SITE_UNREACHABLE) -> Reading:
    if round_trip_ms is None:
        return read_link(ReadingKind.MAIN_SITE, at(0), code=code)
    return read_link(ReadingKind.MAIN_SITE, at(0), code=None, round_trip_s=round_trip_ms / 1000)


def test_a_steady_link() -> None:
    window = LinkWindow()
    for round_trip_ms in (10, 14, 10, 14, 30):
        reading = window.smooth(probe(round_trip_ms))
    assert (reading.state, reading.detail) == (OK, "")
    assert reading.values == {"loss_percent": 0, "round_trip_ms": 14, "round_trip_p95_ms": 30, "jitter_ms": 7}
    assert {unit_of(name) for name in reading.values} == {"%", "ms"}


def test_a_link_that_loses_one_in_ten_is_poor_until_that_is_long_ago() -> None:
    window = LinkWindow()
    states = [window.smooth(probe(None if number in {3, 4} else 10)).state for number in range(3 + PROBES + 2)]
    assert states[:3] == [OK] * 3
    assert states[3:5] == [BAD, BAD]
    assert set(states[5 : 3 + PROBES]) == {WARN}
    assert states[3 + PROBES :] == [OK, OK], "one of twenty is no tenth"


def test_a_slow_link_is_poor() -> None:
    assert LinkWindow().smooth(probe(1500)).state is WARN


def test_a_wrong_certificate_is_no_loss() -> None:
    window = LinkWindow()
    window.smooth(probe(10))
    reading = window.smooth(probe(None, ErrorCode.MAIN_SITE_NOT_TRUSTED))
    assert (reading.state, reading.code) == (BAD, ErrorCode.MAIN_SITE_NOT_TRUSTED)
    assert reading.values["loss_percent"] == 0


@given(st.lists(st.none() | st.floats(0, 1e5), max_size=60))
def test_figures_of_any_link(round_trips_ms: list[float | None]) -> None:
    window = LinkWindow()
    for round_trip_ms in round_trips_ms:
        reading = window.smooth(probe(round_trip_ms))
        assert (reading.state is BAD) == (round_trip_ms is None)
        figures = reading.values
        assert 0 <= figures["loss_percent"] <= 100
        assert ("round_trip_ms" in figures) == (figures["loss_percent"] < 100)
        assert figures.get("round_trip_ms", 0) <= figures.get("round_trip_p95_ms", 0) + 0.01
        assert figures.get("jitter_ms", 0) >= 0


# --- clock ---------------------------------------------------------------------------------------------------------


def clock(state: ReadingState, seconds: float, subject: str = "", **values: float) -> Reading:
    code = ErrorCode.CLOCK_OFF if state is WARN else None
    kind = ReadingKind.CLOCK
    return Reading(kind=kind, subject=subject, state=state, observed=at(seconds), code=code, values=values)


def test_the_time_service_beats_the_stamp_of_the_site() -> None:
    choice = ClockChoice()
    stamp = clock(WARN, 0, offset_s=3.0)
    assert choice.take(stamp) == stamp, "nobody else knows"
    kept = choice.take(clock(OK, 1, TIME_SERVICE, offset_s=0.001))
    assert kept is not None
    assert (kept.subject, kept.state, kept.values) == ("", OK, {"offset_s": 0.001, "site_offset_s": 3.0})
    assert choice.take(clock(WARN, 2, offset_s=3.0)) is None


def test_without_a_time_service_the_stamp_counts() -> None:
    choice = ClockChoice()
    nothing = choice.take(clock(UNKNOWN, 0, TIME_SERVICE))
    assert nothing is not None
    assert (nothing.subject, nothing.state) == ("", UNKNOWN)
    assert choice.take(clock(WARN, 1, offset_s=3.0)) is not None
    assert choice.take(clock(UNKNOWN, 2, TIME_SERVICE)) is None, "the stamp stays"


def test_a_time_service_that_fell_silent_does_not_hide_the_stamp_for_ever() -> None:
    choice = ClockChoice()
    choice.take(clock(OK, 0, TIME_SERVICE))
    assert choice.take(clock(OK, 600)) is None
    assert choice.take(clock(OK, 901)) is not None


# --- conference and main site --------------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_the_way_to_the_conference_server(listening: socket.socket) -> None:
    link = ConferenceServerCoordinator()
    assert list(link.observe()) == []
    link.watch(f"ws://127.0.0.1:{listening.getsockname()[1]}/janus")
    [reading] = link.observe()
    assert (reading.source, reading.state) == ((ReadingKind.CONFERENCE, SERVER), OK)
    assert reading.values["round_trip_ms"] > 0
    listening.close()
    [reading] = link.observe()
    assert (reading.state, reading.code, reading.values["loss_percent"]) == (BAD, None, 50)
    link.watch("")
    assert list(link.observe()) == []
    assert not link.is_watching


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("wss://meet.example/janus", ("meet.example", 443)),
        ("ws://127.0.0.1:8188", ("127.0.0.1", 8188)),
        ("ws://[::1]/", ("::1", 80)),
        ("https://meet.example", None),
        ("wss://", None),
        ("wss://x:99999", None),
        ("ws://[", None),
    ],
)
def test_addresses(server: str, address: tuple[str, int] | None) -> None:
    assert address_of(server) == address


@given(st.text(max_size=40) | st.text(alphabet="ws:/[]@.0123456789x", max_size=40))
def test_any_address(server: str) -> None:
    found = address_of(server)
    assert found is None or (found[0] and 0 <= found[1] < 65536)


class _Site:
    def __init__(self, link: MainSiteCoordinator, *, then: bool) -> None:
        self._link, self._then = link, then

    def probe(self) -> Reading:
        if self._then:
            self._link.watch(None)
        return probe(5.0)


def test_a_main_site_that_is_given_up_during_a_look_says_nothing() -> None:
    link = MainSiteCoordinator()
    assert list(link.observe()) == []
    link.watch(_Site(link, then=False))
    [reading] = link.observe()
    assert reading.values["round_trip_ms"] == 5
    link.watch(_Site(link, then=True))
    assert list(link.observe()) == []
