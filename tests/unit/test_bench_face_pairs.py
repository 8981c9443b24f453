"""Lists of face pairs: what is read, and that every fault is named by file and line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bench.face_pairs import PairsError, read_pairs

HEAD = "a,b,label\n"
GOOD = "one.jpg,two.jpg,same\none.jpg,three.jpg,different\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["one.jpg", "two.jpg", "three.jpg", "with, comma.jpg", "张.jpg"]):
        _, encoded = cv2.imencode(".jpg", np.full((8, 8, 3), 20 * number, np.uint8))
        (tmp_path / name).write_bytes(encoded.tobytes())
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    return tmp_path


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "list.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def fault(folder: Path, content: str | bytes) -> str:
    with pytest.raises(PairsError) as caught:
        read_pairs(written(folder, content))
    return str(caught.value)


def test_pairs_are_read_in_order_with_their_people(folder: Path) -> None:
    found = read_pairs(written(folder, HEAD + GOOD))
    assert [(pair.a.name, pair.b.name, pair.is_same) for pair in found.pairs] == [
        ("one.jpg", "two.jpg", True),
        ("one.jpg", "three.jpg", False),
    ]
    assert found.name == "list"
    assert found.people[folder / "one.jpg"] == found.people[folder / "two.jpg"] != found.people[folder / "three.jpg"]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEAD + GOOD,
        (HEAD + GOOD).replace("\n", "\r\n"),
        HEAD + '"one.jpg","two.jpg","same"\n"one.jpg",three.jpg,different',
        HEAD + "\n" + GOOD + "\n\n",
        HEAD + "./one.jpg,sub/../two.jpg,same\none.jpg,three.jpg,different\n",
    ],
    ids=["bom", "crlf", "quoted, no last newline", "blank lines", "dots"],
)
def test_ways_to_write_the_same(folder: Path, content: str) -> None:
    found = read_pairs(written(folder, content))
    assert [pair.is_same for pair in found.pairs] == [True, False]
    assert len(found.people) == 3


def test_names_with_commas_and_chinese(folder: Path) -> None:
    found = read_pairs(written(folder, HEAD + '"with, comma.jpg",张.jpg,same\n' + GOOD))
    assert [path.name for path in found.people][:2] == ["with, comma.jpg", "张.jpg"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("one.jpg,two.jpg,Same", "label 'Same' is neither same nor different"),
        ("one.jpg,two.jpg", "2 cells instead of 3"),
        ("one.jpg,two.jpg,same,4", "4 cells instead of 3"),
        ("none.jpg,two.jpg,same", "none.jpg: cannot be read"),
        ("broken.jpg,two.jpg,same", "broken.jpg: cannot be opened as a picture"),
        ("empty.jpg,two.jpg,same", "empty.jpg: cannot be opened as a picture"),
        (",two.jpg,same", "cannot be read"),
        ("a\0b.jpg,two.jpg,same", ""),
        ('one"x.jpg,"two.jpg"x,same', ""),
    ],
)
def test_a_fault_is_named_by_file_and_line(folder: Path, line: str, reason: str) -> None:
    message = fault(folder, HEAD + GOOD + line + "\n")
    assert "list.csv, line 4: " in message
    assert reason in message


def test_all_faults_are_named_up_to_twenty(folder: Path) -> None:
    message = fault(folder, HEAD + "one.jpg,two.jpg,x\n" * 30)
    assert "line 2:" in message
    assert "line 21:" in message
    assert "line 22:" not in message
    assert message.endswith("and 10 more")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1: the columns must be a,b,label"),
        ("b,a,label\n" + GOOD, "line 1: the columns must be a,b,label"),
        (GOOD, "line 1: the columns must be a,b,label"),
        (HEAD, "needs pairs of both labels"),
        (HEAD + "one.jpg,two.jpg,same\n", "needs pairs of both labels"),
        (b"a,b,label\n\xff\n", "not UTF-8 at byte 10"),
    ],
)
def test_a_list_that_cannot_be_measured_is_refused(folder: Path, content: str | bytes, reason: str) -> None:
    assert reason in fault(folder, content)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"none\.csv: No such file"):
        read_pairs(tmp_path / "none.csv")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: (HEAD + text).encode()))
def test_any_bytes_are_refused_with_the_files_name(folder: Path, content: bytes) -> None:
    assert "list.csv" in fault(folder, content)
