"""The gate of a stream: no way to LIVE without a standing proof, and no way to get stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.conference.contract import MediaFault, StreamPhase
from workstation.conference.media.gate import (
    STALE_S,
    DeviceBack,
    DeviceLost,
    Event,
    Gate,
    Passed,
    Proved,
    Refuted,
    Wished,
)

NEEDED = 3
STEPS = st.lists(
    st.tuples(st.sampled_from(["on", "off", "proved", "refuted", "lost", "back", "passed"]), st.floats(0, STALE_S)),
    max_size=40,
)


def gate(*, demanded: bool = True) -> Gate:
    return Gate(demanded=demanded, protection=MediaFault.MASK, device=MediaFault.CAMERA, needed=NEEDED)


def event(name: str, now: float) -> Event:
    match name:
        case "on" | "off":
            return Wished(name == "on", now)
        case "proved":
            return Proved(now)
        case "refuted":
            return Refuted()
        case "lost":
            return DeviceLost()
        case "back":
            return DeviceBack(now)
        case _:
            return Passed(now)


@given(STEPS)
def test_live_always_has_enough_proofs_in_a_row_that_stand(steps: list[tuple[str, float]]) -> None:
    state, now, proofs, proved_at = gate(), 0.0, 0, 0.0
    is_on = has_device = True
    is_refuted = is_on = False
    for name, waited in steps:
        now += waited
        match name:  # an independent account of what may count
            case "on" | "off":
                proofs = proofs if is_on and name == "on" else 0
                is_on, is_refuted = name == "on", is_refuted and name == "on"
            case "proved" if is_on and has_device and not is_refuted:
                proofs, proved_at = proofs + 1, now
            case "refuted" if is_on:
                proofs, is_refuted = 0, True
            case "lost":
                proofs = 0
        state = state.after(event(name, now))
        has_device = state.fault is not MediaFault.CAMERA
        if state.is_open:
            assert is_on
            assert not is_refuted
            assert proofs >= NEEDED
        after = state.after(Passed(now))
        assert not after.is_open or now - proved_at <= STALE_S
        assert (state.phase is StreamPhase.STOPPED) == (state.fault is not MediaFault.NONE)


@given(STEPS)
def test_off_and_on_again_always_gets_a_working_stream_live(steps: list[tuple[str, float]]) -> None:
    state, now = gate(), 0.0
    for name, waited in steps:
        now += waited
        state = state.after(event(name, now))
    state = state.after(Wished(False, now))
    assert state.phase is StreamPhase.OFF
    state = state.after(Wished(True, now)).after(DeviceBack(now))
    assert state.phase is StreamPhase.PROVING
    for _ in range(NEEDED):
        state = state.after(Proved(now))
    assert state.is_open


@given(STEPS)
def test_without_a_demand_only_wish_and_device_count(steps: list[tuple[str, float]]) -> None:
    state, now = gate(demanded=False), 0.0
    for name, waited in steps:
        now += waited
        state = state.after(event(name, now))
        assert state.phase is not StreamPhase.PROVING
        assert state.fault in {MediaFault.NONE, MediaFault.CAMERA}
    assert state.after(Wished(True, now)).after(DeviceBack(now)).is_open


def test_a_refuted_protection_stays_stopped_whatever_is_proved_later() -> None:
    state = gate().after(Wished(True, 0)).after(Refuted())
    for later in (Proved(1), DeviceLost(), DeviceBack(1), Proved(1), Proved(1), Proved(1), Passed(9), Wished(True, 9)):
        state = state.after(later)
        assert (state.phase, state.fault) == (StreamPhase.STOPPED, MediaFault.MASK)


def test_a_late_proof_stops_and_comes_back_by_new_proofs() -> None:
    state = gate().after(Wished(True, 0))
    for _ in range(NEEDED):
        state = state.after(Proved(1))
    assert state.after(Passed(1 + STALE_S)).is_open
    state = state.after(Passed(1.01 + STALE_S))
    assert (state.phase, state.fault) == (StreamPhase.STOPPED, MediaFault.MASK)
    phases = [(state := state.after(Proved(3))).phase for _ in range(NEEDED)]
    assert phases == [StreamPhase.PROVING, StreamPhase.PROVING, StreamPhase.LIVE]


@pytest.mark.parametrize("demanded", [True, False])
def test_a_lost_device_is_reported_as_such_and_begins_anew(demanded: bool) -> None:
    state = gate(demanded=demanded).after(Wished(True, 0)).after(DeviceLost())
    assert (state.phase, state.fault) == (StreamPhase.STOPPED, MediaFault.CAMERA)
    assert state.after(Proved(0.1)) == state
    assert state.after(DeviceBack(1)).phase is (StreamPhase.PROVING if demanded else StreamPhase.LIVE)
