"""The sound check's JSON lines: everything that is written is read again, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from workstation.headset.contract import Step, Suggestion, Transform
from workstation.headset.wire import (
    MAX_LINE_BYTES,
    Again,
    Answer,
    Begin,
    Ended,
    LevelSeen,
    StepBegun,
    WireError,
    encode,
    read_command,
    read_event,
)

LEVEL = st.floats(-100, 0)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
COMMANDS = st.one_of(
    st.builds(Begin, playback=NAMES, capture=NAMES, transform=st.sampled_from(Transform)),
    st.builds(Answer, heard=st.booleans()),
    st.builds(Again),
)
EVENTS = st.one_of(
    st.builds(StepBegun, step=st.sampled_from(Step), digits=st.from_regex(r"\A[0-9]{0,8}\Z")),
    st.builds(LevelSeen, level_dbfs=LEVEL, peak_dbfs=LEVEL, speaking=st.booleans()),
    st.builds(Ended, code=st.none() | st.sampled_from(ErrorCode), suggestion=st.sampled_from(Suggestion)),
)


@given(COMMANDS)
def test_commands_come_back(command: Begin | Answer | Again) -> None:
    line = encode(command)
    assert line.count(b"\n") == 1
    assert read_command(line) == command


@given(EVENTS)
def test_events_come_back(event: StepBegun | LevelSeen | Ended) -> None:
    assert read_event(encode(event)) == event


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_nonsense_is_no_message(line: bytes) -> None:
    for read in (read_command, read_event):
        with pytest.raises(WireError):
            read(line)


@pytest.mark.parametrize(
    "line",
    [
        b" " * (MAX_LINE_BYTES + 1),
        b'{"do":"begin","playback":"","capture":"x"}',
        b'{"do":"begin","playback":"x","capture":"x","transform":"robot"}',
        b'{"do":"answer"}',
        b'{"do":"again","more":1}',
        b'{"event":"level","level_dbfs":NaN,"peak_dbfs":0,"speaking":true}',
        b'{"event":"step","step":"speak","digits":"\xd9\xa1"}',
        b'{"event":"step","step":"speak","digits":"12a"}',
        b'{"event":"result","code":"E-999"}',
    ],
)
def test_what_does_not_fit_is_refused(line: bytes) -> None:
    for read in (read_command, read_event):
        with pytest.raises(WireError):
            read(line)
