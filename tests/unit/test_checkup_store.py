"""The booth's reports and key on disk: whole or not at all, kept until the site has them, never readable by others."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.checkup_samples import MORNING, PDF, a_paper, signed_report
from workstation.checkup import store as module
from workstation.checkup.files import PART
from workstation.checkup.key import FILE_NAME, booth_key
from workstation.checkup.store import CheckupStore
from workstation.site.checkup_signature import check_paper, read_report, thumbprint_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def token_of(day: int) -> str:
    return signed_report(KEY, at=MORNING + timedelta(days=day))


class PowerCutError(BaseException):
    """No handler of ours catches it: the program is gone."""


class Power:
    """Lets so many calls to the disk happen, then goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
        self.calls = calls
        for name in ("open", "fsync", "link", "unlink"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))
        monkeypatch.setattr(Path, "replace", self.counted(Path.replace))
        monkeypatch.setattr(Path, "unlink", self.counted(Path.unlink))

    def counted(self, call: Callable[..., object]) -> Callable[..., object]:
        def go(*arguments: object, **named: object) -> object:
            if self.calls <= 0:
                raise PowerCutError
            self.calls -= 1
            return call(*arguments, **named)

        return go


def test_a_power_cut_at_any_moment_leaves_the_report_whole_or_away(tmp_path: Path) -> None:
    before, cut = token_of(0), token_of(1)
    seen = set()
    for calls in range(40):
        folder = tmp_path / str(calls)
        CheckupStore(folder).keep(before, a_paper(before, KEY))
        with pytest.MonkeyPatch.context() as patch:
            Power(patch, calls)
            try:
                CheckupStore(folder).keep(cut, a_paper(cut, KEY))
                is_through = True
            except PowerCutError:
                is_through = False
        after = CheckupStore(folder)
        found = [signed.payload for signed in after.reports()]
        assert found[-1] == read_report(before).payload
        assert len(found) == 2 or not is_through
        after.keep(token_of(2), None)
        assert list(after.folder.glob(f"*{PART}")) == []
        while (waiting := after.oldest_unsent()) is not None:
            report_id, hand_in = waiting
            if hand_in.report == cut:  # then with its paper, for that was first
                assert hand_in.paper == PDF
                check_paper(read_report(cut), hand_in.paper, hand_in.seal or "")
            after.acknowledge(report_id)
        assert all(path.with_suffix(".jws").exists() for path in after.folder.iterdir())
        seen.add(len(found))
        if is_through:
            break
    else:
        pytest.fail("the power never sufficed")
    assert seen == {1, 2}


def test_a_report_waits_for_the_site_the_oldest_first_across_starts(tmp_path: Path) -> None:
    tokens = [token_of(day) for day in (2, 0, 1)]
    for token in tokens:
        CheckupStore(tmp_path).keep(token, None)
    sent = []
    while (waiting := CheckupStore(tmp_path).oldest_unsent()) is not None:
        sent.append(waiting[1].report)
        CheckupStore(tmp_path).acknowledge(waiting[0])
    assert sent == [tokens[1], tokens[2], tokens[0]]
    assert [signed.report.checked_at for signed in CheckupStore(tmp_path).reports()] == [
        MORNING + timedelta(days=day) for day in (2, 1, 0)
    ]


def test_thirty_are_kept_but_no_unsent_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    monkeypatch.setattr(module, "KEPT_UNSENT", 6)
    store = CheckupStore(tmp_path)
    for day in range(8):
        store.keep(token_of(day), a_paper(token_of(day), KEY) if day == 0 else None)
    assert len(store.reports()) == 6
    while (waiting := store.oldest_unsent()) is not None:
        store.acknowledge(waiting[0])
    assert [signed.report.checked_at for signed in store.reports()] == [
        MORNING + timedelta(days=day) for day in (7, 6, 5)
    ]
    assert {path.suffix for path in store.folder.iterdir()} == {".jws", ".sent"}


def test_a_tampered_report_is_neither_shown_nor_sent_and_holds_up_no_other(tmp_path: Path) -> None:
    store = CheckupStore(tmp_path)
    for day in range(2):
        store.keep(token_of(day), None)
    oldest = min(store.folder.glob("*.jws"))
    oldest.write_text(oldest.read_text().replace(".", ".A", 1))
    assert len(store.reports()) == 1
    waiting = store.oldest_unsent()
    assert waiting is not None
    assert read_report(waiting[1].report).report.checked_at == MORNING + timedelta(days=1)


def test_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    store = CheckupStore(tmp_path)
    store.keep(token_of(0), None)
    (store.folder / "notes.txt").write_text("x")
    (store.folder / "x.jws").write_text("x")
    store.keep(token_of(1), None)
    assert len(store.reports()) == 2
    assert (store.folder / "notes.txt").exists()


def test_nobody_else_can_read_key_and_reports(tmp_path: Path) -> None:
    store = CheckupStore(tmp_path)
    store.keep(token_of(0), a_paper(token_of(0), KEY))
    booth_key(tmp_path)
    for path in (tmp_path / FILE_NAME, *store.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


# --- key ------------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_whoever_asks_first(tmp_path: Path) -> None:
    found: list[str] = []
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait(20)
        found.append(thumbprint_of(booth_key(tmp_path).public_key()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_power_cut_while_the_key_is_made_leaves_one_key_or_none(tmp_path: Path) -> None:
    for calls in range(20):
        folder = tmp_path / str(calls)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            Power(patch, calls)
            try:
                made = thumbprint_of(booth_key(folder).public_key())
            except PowerCutError:
                made = ""
        again = thumbprint_of(booth_key(folder).public_key())
        assert again == thumbprint_of(booth_key(folder).public_key())
        if made:
            assert again == made
            return
    pytest.fail("the power never sufficed")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_what_is_no_key_is_set_aside(tmp_path: Path, allow_logs: Callable[[str], None], content: bytes) -> None:
    allow_logs("workstation.checkup.key")
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / FILE_NAME).write_bytes(content)
    key = thumbprint_of(booth_key(tmp_path).public_key())
    assert thumbprint_of(booth_key(tmp_path).public_key()) == key
    [aside] = tmp_path.glob(f"{FILE_NAME}.unusable-*")
    assert aside.read_bytes() == content


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """A lax umask must not matter."""
    before = os.umask(0)
    yield
    os.umask(before)
