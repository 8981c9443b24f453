"""The drill's expert obeys the kiosk: which log lines ask for what, and that waiting for the kiosk does it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.bench import BenchFile, Gesture
from workstation.drill.cooperation import REACTION_S, Cooperation, prompted
from workstation.drill.kiosk import KioskProcess
from workstation.drill.script import Playwright

KIOSK = """
import json, sys, time
from pathlib import Path
bench = Path(sys.argv[1])
def log(**line): print(json.dumps(line), file=sys.stderr, flush=True)
for action in ("turn-left", "blink", "blink"):
    log(event="face_prompted", action=action)
    before = bench.read_text() if bench.exists() else ""
    end = time.monotonic() + float(sys.argv[2])
    while (bench.read_text() if bench.exists() else "") == before:
        if time.monotonic() > end:
            log(event="state_entered", state="gave-up")
            sys.exit()
        time.sleep(0.01)
    log(event="obeyed", bench=json.loads(bench.read_text()))
log(event="state_entered", state="task-review")
time.sleep(60)
"""


def anything() -> st.SearchStrategy[object]:
    return st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.dictionaries(st.sampled_from(["event", "action", "kind"]), anything()))
def test_any_other_line_asks_for_nothing(line: dict[str, object]) -> None:
    assert prompted(line) is Gesture.NONE
    assert prompted({**line, "event": "face_prompted", "action": "dance"}) is Gesture.NONE


@pytest.mark.parametrize("gesture", Gesture)
def test_a_prompt_names_the_gesture(gesture: Gesture) -> None:
    assert prompted({"event": "face_prompted", "action": str(gesture)}) is gesture
    assert prompted({"event": "recorded", "action": str(gesture)}) is Gesture.NONE


def test_nothing_is_done_before_a_person_could(tmp_path: Path) -> None:
    bench = BenchFile(tmp_path / "bench.json")
    expert = Cooperation(bench)
    now = time.monotonic()
    expert.hear({"event": "face_prompted", "action": "blink", "read_at": now})
    expert.act()
    assert bench.read().gesture is Gesture.NONE
    expert.hear({"event": "face_prompted", "action": "open-mouth", "read_at": now - REACTION_S[1]})
    expert.act()
    assert (bench.read().gesture, bench.read().gestures) == (Gesture.OPEN_MOUTH, 1), "a late one waits for no other"


def test_the_expert_confirms_the_tones_and_reads_the_digits_aloud(tmp_path: Path) -> None:
    done: list[str] = []
    bench = BenchFile(tmp_path / "bench.json")
    expert = Cooperation(bench, speak=lambda: done.append("speak"), confirm=lambda: done.append("confirm"))
    for step in ("starting", "tone-left", "tone-right", "speak", "hear-back", None, ["speak"]):
        expert.hear({"event": "sound_stepped", "step": step, "read_at": 0.0})
    expert.hear({"event": "recorded", "step": "speak", "read_at": 0.0})
    expert.act()
    assert done == ["confirm", "confirm", "speak"]


@pytest.mark.parametrize("cooperates", [True, False])
def test_waiting_for_the_kiosk_is_obeying_it(tmp_path: Path, cooperates: bool) -> None:
    bench = BenchFile(tmp_path / "bench.json")
    stage = SimpleNamespace(bench=bench, follow=lambda: None, speak=lambda: None)
    command = [sys.executable, "-c", KIOSK, str(bench.path), "20" if cooperates else "1"]
    with KioskProcess(tmp_path, {}, command=command) as kiosk:
        play = Playwright(stage, kiosk, None, lambda line: None)
        play.cooperates = cooperates
        play.until("task-review" if cooperates else "gave-up", "done", timeout_s=30)
        lines = kiosk.lines
    obeyed = [(line["bench"]["gesture"], line["bench"]["gestures"]) for line in lines if line.get("event") == "obeyed"]
    assert obeyed == ([("turn-left", 1), ("blink", 2), ("blink", 3)] if cooperates else [])
    asked = [line["read_at"] for line in lines if line.get("event") == "face_prompted"]
    done = [line["read_at"] for line in lines if line.get("event") == "obeyed"]
    assert all(after - before > REACTION_S[0] - 0.05 for before, after in zip(asked, done, strict=False))


def test_a_card_that_was_not_read_is_laid_down_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workstation.drill.cooperation.LIFTED_S", 0.0)
    bench = BenchFile(tmp_path / "bench.json")
    bench.change(card="person-a")
    expert = Cooperation(bench)
    expert.hear({"event": "recorded", "kind": "card_failed", "code": "E-103", "read_at": 0.0})
    expert.act()
    assert bench.read().card == "person-a"
    expert.hear({"event": "recorded", "kind": "card_failed", "code": "E-104", "read_at": 0.0})
    expert.act()
    assert bench.read().card is None
    expert.act()
    assert bench.read().card == "person-a"
