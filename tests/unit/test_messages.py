"""Texts: complete in both languages, the same facts in both, nothing unused, nothing in the wrong script."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import workstation.ui
from drivers.errors import ErrorCode, OtherCard
from workstation.face.coaching import Coaching as EngineCoaching
from workstation.face.liveness import Action
from workstation.headset.contract import Suggestion
from workstation.health.supply import Verdict
from workstation.journey.facts import CheckKind, Step
from workstation.journey.meeting import SoundStep
from workstation.journey.seat import LeaveReason
from workstation.site.readings import ReadingKind
from workstation.ui.messages import Language, Messages, clock, placeholders
from workstation.ui.views import Coaching, Prompt

UI = Path(workstation.ui.__file__).parent
HAN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")


def tables(language: Language) -> dict[str, dict[str, object]]:
    return tomllib.loads(files("workstation.ui.messages").joinpath(f"{language}.toml").read_text("utf-8"))


def flat(language: Language) -> dict[str, str]:
    texts: dict[str, str] = {}
    for table, row in tables(language).items():
        for name, value in row.items():
            if isinstance(value, dict):
                texts |= {f"{table}.{name}.{part}": str(text) for part, text in value.items()}
            else:
                texts[f"{table}.{name}"] = str(value)
    return texts


def literals() -> tuple[set[str], set[str]]:
    """Return the string literals of the package, and the constant beginnings of its f-strings."""
    whole: set[str] = set()
    beginnings: set[str] = set()
    for path in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    return whole, beginnings


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_its_texts(language: Language, code: ErrorCode) -> None:
    messages = Messages(language)
    for text in (messages.title(code), messages.expert(code), messages.admin(code)):
        assert text
        assert "{" not in text


@pytest.mark.parametrize("language", Language)
def test_no_text_for_a_code_that_does_not_exist(language: Language) -> None:
    assert set(tables(language)["codes"]) == {str(code) for code in ErrorCode}


def test_languages_have_the_same_keys_and_facts() -> None:
    chinese, english = flat(Language.ZH_CN), flat(Language.EN)
    assert chinese.keys() == english.keys()
    for key, text in chinese.items():
        assert placeholders(text) == placeholders(english[key]), key


def test_english_holds_no_chinese() -> None:
    assert [key for key, text in flat(Language.EN).items() if HAN.search(text)] == []


def test_experts_read_at_most_two_sentences_in_chinese() -> None:
    messages = Messages(Language.ZH_CN)
    for code in ErrorCode:
        assert 1 <= len(re.findall("[。？！]", messages.expert(code))) <= 2, code


def test_no_key_is_unused() -> None:
    whole, beginnings = literals()
    unused = {
        key
        for key in Messages().keys
        if key not in whole
        and not re.search(r"\.E-\d{3}$", key)
        and not any(start.endswith((".", "_")) and "." in start and key.startswith(start) for start in beginnings)
    }
    assert unused == set()


def test_every_key_the_widgets_name_exists() -> None:
    keys = Messages().keys
    known = {key.split(".")[0] for key in keys}
    whole, _ = literals()
    named = {text for text in whole if re.fullmatch(r"[a-z_]+\.[a-z_]+", text) and text.split(".")[0] in known}
    assert named - keys == set()


def test_families_of_keys_are_complete() -> None:
    keys = Messages().keys
    assert {f"step.{step.name.lower()}" for step in Step} <= keys
    assert {f"check.{kind}" for kind in CheckKind} <= keys
    assert {f"device.{kind}" for kind in ReadingKind} <= keys
    assert {f"coaching.{value}" for value in Coaching} <= keys
    assert {f"{part}.{value}" for value in Prompt for part in ("prompt", "prompt_title")} <= keys
    assert {f"sound_step.{step}" for step in SoundStep} <= keys
    helps = {key for key in keys if key.startswith("sound_help.")}
    assert helps == {f"sound_help.{suggestion}" for suggestion in Suggestion if suggestion}
    assert {f"power_verdict.{verdict}" for verdict in Verdict} <= keys
    assert {f"leave_reason.{reason}" for reason in LeaveReason} <= keys
    assert {f"other_card.{card}" for card in OtherCard} == {key for key in keys if key.startswith("other_card.")}


def test_coaching_means_the_same_as_in_the_face_engine() -> None:
    assert {value.value for value in Coaching} == {value.value for value in EngineCoaching}
    assert {value.value for value in Prompt} == {value.value for value in Action}


def test_the_widgets_hold_no_text_of_their_own() -> None:
    for path in UI.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        described = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
        literal = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in described]
        assert [node.value for node in literal if HAN.search(str(node.value).strip("\u3000"))] == [], path.name


def test_a_fact_that_is_missing_gives_the_plain_text() -> None:
    messages = Messages()
    assert "{" not in messages.expert(ErrorCode.ROSTER_OTHER_BOOTH, booth="")
    assert "05 号工位" in messages.expert(ErrorCode.ROSTER_OTHER_BOOTH, booth="05 号工位")


def test_a_fact_is_never_parsed() -> None:
    text = Messages().text("evaluation.scope", main_site="{evil} {0}")
    assert "{evil} {0}" in text


def test_a_screen_may_say_it_in_its_own_words() -> None:
    messages = Messages()
    own = messages.expert(ErrorCode.FACE_MISMATCH, "face_problem")
    assert own != messages.expert(ErrorCode.FACE_MISMATCH)
    assert messages.expert(ErrorCode.FACE_SEVERAL, "face_problem") == messages.expert(ErrorCode.FACE_SEVERAL)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0 分钟"), (59, "59 分钟"), (60, "1 小时"), (252, "4 小时 12 分"), (-5, "0 分钟")],
)
def test_duration(minutes: int, expected: str) -> None:
    assert Messages().duration(minutes) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "00:00:00"), (80, "00:01:20"), (5050, "01:24:10"), (-1, "00:00:00")]
)
def test_clock(seconds: int, expected: str) -> None:
    assert clock(seconds) == expected
