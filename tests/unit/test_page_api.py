"""What a page may say: the schema holds, nothing raises, and the documentation shows the schema that counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs import generate
from workstation.evaluation.page_api import (
    MAX_CALL,
    FactsCall,
    NoToken,
    Problem,
    SignatureCall,
    SignatureReply,
    SignatureRequest,
    read_call,
)

GOOD: dict[str, Any] = {
    "id": "1",
    "method": "requestSignature",
    "payload": {"request_id": "r", "purpose": "签署", "digest_algorithm": "sm3", "digest": "0" * 64},
}


def test_good_calls_are_read() -> None:
    assert isinstance(read_call('{"id": "a", "method": "facts"}'), FactsCall)
    assert isinstance(read_call(json.dumps(GOOD)), SignatureCall)
    largest = GOOD | {"id": "i" * 64, "payload": GOOD["payload"] | {"request_id": "r" * 64, "purpose": "签" * 200}}
    assert isinstance(read_call(json.dumps(largest)), SignatureCall)


@pytest.mark.parametrize("where", [(), ("payload",)])
def test_every_member_is_needed_and_no_other_is_taken(where: tuple[str, ...]) -> None:
    def changed(change: Any) -> str:
        copy = json.loads(json.dumps(GOOD))
        part = copy
        for name in where:
            part = part[name]
        change(part)
        return json.dumps(copy)

    part = GOOD["payload"] if where else GOOD
    for name in part:
        assert read_call(changed(lambda it, name=name: it.pop(name))) is Problem.MALFORMED
        for wrong in (None, 1, True, [], {}, "", "x" * 300, "\u0000", "a\u202eb", "../"):
            if not (name == "purpose" and wrong == "../"):
                assert read_call(changed(lambda it, name=name, wrong=wrong: it.update({name: wrong}))) is (
                    Problem.MALFORMED
                )
    assert read_call(changed(lambda it: it.update({"__proto__": {}}))) is Problem.MALFORMED


def test_size_is_looked_at_first() -> None:
    assert read_call("[" * (MAX_CALL + 1)) is Problem.TOO_LARGE
    assert read_call("[" * MAX_CALL) is Problem.MALFORMED


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | json_values.map(json.dumps) | json_values.map(lambda value: json.dumps(GOOD | {"payload": value})))
def test_no_text_raises_and_none_is_taken_by_chance(text: str) -> None:
    assert isinstance(read_call(text), Problem)


@given(st.text(alphabet=st.characters(codec=None, categories=["Cs", "Cc", "Lo"]), max_size=50))
def test_half_characters_do_not_raise(text: str) -> None:
    assert isinstance(read_call(text), Problem)


def test_without_a_token_the_answer_comes_at_once() -> None:
    heard: list[SignatureReply] = []
    NoToken().request(SignatureRequest.model_validate(GOOD["payload"]), heard.append)
    assert [(reply.status, reply.reason) for reply in heard] == [("unavailable", "no-token")]


def test_the_documentation_shows_the_schema() -> None:
    text = (generate.DOCS / "page-bridge.md").read_text(encoding="utf-8")
    assert generate.page_bridge(text) == text, "run ./dev docs"
