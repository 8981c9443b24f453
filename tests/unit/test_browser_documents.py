"""The session folder: no name becomes a path, no content gets in under another name, and nothing stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_config.pack.model import DocumentType
from workstation.evaluation.documents import (
    PARENT_NAME,
    SessionFolder,
    agrees,
    has_signature,
    safe_name,
    type_of_name,
)
from workstation.private_folder import wipe_leftovers

TYPES: tuple[DocumentType, ...] = ("pdf", "png", "jpeg", "text")


@given(st.text(), st.sampled_from(TYPES), st.lists(st.text(), max_size=3))
def test_a_name_is_one_harmless_part(suggested: str, kind: DocumentType, taken: list[str]) -> None:
    name = safe_name(suggested, kind, taken)
    assert Path(name).name == name
    assert type_of_name(name) == kind
    assert not name.startswith(".")
    assert re.fullmatch(r"[\w\-()（）《》〈〉【】、，。·. ]{1,100}", name)
    assert len(name.encode()) <= 255 + 100
    again = safe_name(suggested, kind, [*taken, name])
    assert again.lower() != name.lower()


@given(st.binary(max_size=64))
def test_any_content_has_at_most_one_type_that_is_not_text(content: bytes) -> None:
    assert sum(has_signature(kind, content) for kind in TYPES if kind != "text") <= 1


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40), st.integers(0, 3))
def test_text_cut_in_a_letter_is_text(content: str, cut: int) -> None:
    encoded = content.encode()
    assert has_signature("text", encoded[: max(0, len(encoded) - cut)])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.pdf", "pdf"), ("A.JPEG", "jpeg"), ("pdf", None), ("a.pdf.exe", None), ("a.svg", None), ("", None)],
)
def test_the_ending_says_the_type(name: str, kind: DocumentType | None) -> None:
    assert type_of_name(name) == kind


def test_the_mime_type_must_not_contradict() -> None:
    assert agrees("pdf", "application/pdf; x=y")
    assert agrees("pdf", "application/octet-stream")
    assert not agrees("pdf", "text/html")


def test_what_is_not_what_it_says_is_deleted(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    arrived = folder.arrival_name()
    (folder.path / arrived).write_bytes(b"MZ")
    assert folder.admit(arrived, "a.pdf", "pdf") is None
    assert list(folder.path.iterdir()) == []
    (folder.path / arrived).write_bytes(b"%PDF-1.7")
    document = folder.admit(arrived, "../../x/a.pdf", "pdf")
    assert document is not None
    assert [file.name for file in folder.path.iterdir()] == [document.name] == ["a.pdf"]
    assert folder.file_of("a.pdf", ["pdf"]) == folder.path / "a.pdf"
    assert folder.file_of("a.pdf", ["png"]) is None
    assert folder.file_of("../a.pdf") is None
    folder.wipe()
    assert not folder.path.exists()


def test_a_crashed_sessions_folder_is_wiped_and_a_living_ones_is_not(tmp_path: Path) -> None:
    living = SessionFolder(tmp_path)
    crashed = living.path.parent / "session-dead"
    crashed.mkdir()
    (crashed / "a.pdf").write_bytes(b"%PDF-1.7")
    assert wipe_leftovers(PARENT_NAME, tmp_path) == 1
    assert not crashed.exists()
    assert living.path.is_dir()


def test_a_folder_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    first = SessionFolder(tmp_path)
    assert first.path.parent.name.startswith(PARENT_NAME)
    first.path.parent.chmod(0o755)
    with pytest.raises(OSError, match="not this user's alone"):
        SessionFolder(tmp_path)
