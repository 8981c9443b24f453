"""The journey's bridge: order of events and effects, timers of their attempt, and a way out of a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode
from workstation.bridge.journey import JourneyBridge
from workstation.journey import effects as fx
from workstation.journey import events as ev
from workstation.journey import transition as rules
from workstation.journey.diagram import holder
from workstation.journey.facts import Resume
from workstation.journey.states import CardProblem, FaceCheck, Idle, Journey, OutOfService, ReadingCard

LIMIT_MS = 5_000


class Stagehands(QObject):
    """Carries out nothing but what a test asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[fx.Effect] = []
        self.on: dict[type, Callable[[fx.Effect], None]] = {}

    def carry_out(self, effect: fx.Effect) -> None:
        self.done.append(effect)
        if action := self.on.get(type(effect)):
            action(effect)


@pytest.fixture
def hands() -> Stagehands:
    return Stagehands()


@pytest.fixture
def bridge(hands: Stagehands, qtbot: QtBot) -> Iterator[JourneyBridge]:
    bridge = JourneyBridge(hands)
    yield bridge
    bridge.stop()


def names(hands: Stagehands) -> list[str]:
    return [type(effect).__name__ for effect in hands.done]


def test_there_is_no_journey_before_it_begins(bridge: JourneyBridge) -> None:
    with pytest.raises(RuntimeError, match="not begun"):
        _ = bridge.journey


def test_it_begins_idle_or_after_a_restart(bridge, hands, qtbot) -> None:
    with qtbot.waitSignal(bridge.changed) as changed:
        bridge.begin(None)
    assert changed.args[0].state == Idle()
    assert names(hands) == ["WipeIdentity"]
    again = JourneyBridge(Stagehands())
    again.begin(Resume(session_id="s", expert_hash="0" * 64, project_id="P"))
    assert again.journey.state == Idle(notice=ErrorCode.RESTARTED)
    again.stop()


def test_an_effect_that_answers_at_once_waits_for_its_turn(bridge, hands, qtbot) -> None:
    seen: list[tuple[str, int]] = []

    def answer(effect: fx.ReadCard) -> None:
        before = bridge.journey
        bridge.handle(ev.CardRead(attempt=effect.attempt, holder=holder()))
        assert bridge.journey is before, "handled after this effect, not inside it"
        seen.append(("read", len(hands.done)))

    hands.on[fx.ReadCard] = answer
    hands.on[fx.StartFace] = lambda _: seen.append(("face", len(hands.done)))
    states: list[Journey] = []
    bridge.changed.connect(states.append)
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    assert [type(journey.state) for journey in states] == [Idle, ReadingCard, FaceCheck]
    assert [name for name, _ in seen] == ["read", "face"]
    assert names(hands) == ["WipeIdentity", "ReadCard", "StopReading", "Record", "StartFace"]


def test_the_change_is_told_before_its_effects(bridge, hands) -> None:
    order: list[str] = []
    bridge.changed.connect(lambda journey: order.append(type(journey.state).__name__))
    hands.on[fx.ReadCard] = lambda _: order.append("ReadCard")
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    assert order == ["Idle", "ReadingCard", "ReadCard"]


def test_what_changes_nothing_is_not_told(bridge, hands, qtbot) -> None:
    bridge.begin(None)
    with qtbot.assertNotEmitted(bridge.changed):
        bridge.handle(ev.CardFailed(attempt=99, code=ErrorCode.CARD_LIFTED))
        bridge.handle(ev.CardLifted())


def test_a_state_ends_by_its_own_time_limit(bridge, hands, monkeypatch, qtbot) -> None:
    monkeypatch.setitem(rules.TIME_LIMITS_S, ReadingCard, 0.05)
    monkeypatch.setitem(rules.TIME_LIMITS_S, CardProblem, 0.05)
    states: list[object] = []
    bridge.changed.connect(lambda journey: states.append(journey.state))
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    qtbot.waitUntil(lambda: states[-1] == Idle() and len(states) > 2, timeout=LIMIT_MS)
    codes = [state.code for state in states if isinstance(state, CardProblem)]
    assert codes == [ErrorCode.CARD_UNREADABLE] + [ErrorCode.CARD_NOT_PRESENTED] * 3
    assert not any(timer.isActive() for timer in bridge._timers.values())


def test_leaving_a_state_stops_its_timer(bridge, hands, monkeypatch, qtbot) -> None:
    monkeypatch.setitem(rules.TIME_LIMITS_S, ReadingCard, 600)
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    timer = bridge._timers[ev.Timer.STATE]
    assert timer.isActive()
    bridge.handle(ev.CardFailed(attempt=bridge.journey.attempt, code=ErrorCode.READER_ABSENT))
    assert bridge.journey.state == Idle()
    assert not timer.isActive()


def test_a_timer_of_an_older_attempt_changes_nothing(bridge, hands) -> None:
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    before = bridge.journey
    bridge.handle(ev.TimerExpired(attempt=before.attempt - 1, timer=ev.Timer.STATE))
    assert bridge.journey is before


def test_the_help_mark_goes_by_itself(bridge, monkeypatch, qtbot) -> None:
    monkeypatch.setattr(rules, "HELP_SHOWN_S", 0.05)
    bridge.begin(None)
    bridge.handle(ev.Pressed(intent=ev.Intent.HELP))
    assert bridge.journey.help_called
    qtbot.waitUntil(lambda: not bridge.journey.help_called, timeout=LIMIT_MS)


def test_stopping_ends_every_timer(bridge, monkeypatch) -> None:
    bridge.begin(None)
    bridge.handle(ev.CardInserted())
    bridge.handle(ev.Pressed(intent=ev.Intent.HELP))
    bridge.stop()
    assert not any(timer.isActive() for timer in bridge._timers.values())


def broken(_effect: fx.Effect) -> None:
    raise LookupError("an effect broke")


def test_an_effect_that_breaks_does_not_block_what_follows(bridge, hands) -> None:
    bridge.begin(None)
    hands.on[fx.ReadCard] = broken
    with pytest.raises(LookupError):
        bridge.handle(ev.CardInserted())
    bridge.handle(ev.Crashed())
    assert isinstance(bridge.journey.state, OutOfService)
    assert "WipeIdentity" in names(hands)[1:]


def test_a_first_effect_that_breaks_does_not_block_what_follows(bridge, hands) -> None:
    hands.on[fx.WipeIdentity] = broken
    with pytest.raises(LookupError):
        bridge.begin(None)
    hands.on.clear()
    bridge.handle(ev.Crashed())
    assert isinstance(bridge.journey.state, OutOfService)


def test_a_crash_goes_before_everything_that_waits(bridge, hands) -> None:
    bridge.begin(None)

    def answer_and_break(effect: fx.Effect) -> None:
        bridge.handle(ev.CardRead(attempt=bridge.journey.attempt, holder=holder()))
        raise LookupError("an effect broke")

    hands.on[fx.ReadCard] = answer_and_break
    hands.on[fx.StartFace] = broken
    with pytest.raises(LookupError):
        bridge.handle(ev.CardInserted())
    bridge.handle(ev.Crashed())
    assert isinstance(bridge.journey.state, OutOfService)
    assert "StartFace" not in names(hands)


def test_out_of_service_restarts(bridge, hands, monkeypatch, qtbot) -> None:
    monkeypatch.setitem(rules.TIME_LIMITS_S, OutOfService, 0.05)
    bridge.begin(None)
    bridge.handle(ev.Crashed())
    qtbot.waitUntil(lambda: "Restart" in names(hands), timeout=LIMIT_MS)
