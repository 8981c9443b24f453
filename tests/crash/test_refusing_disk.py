"""A disk that is full, read-only, or whose syncs fail: said at once, nothing half-written, and well again by itself."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.crash import power_cut
from tests.crash.runs import ROOT
from workstation.journal.journal import Journal
from workstation.journal.reserve import SIZE

FULL = "E-605"


class AskedBooth:
    """A real process with a journal, on a disk that the test commands."""

    def __init__(self, shim: Path, scratch: Path) -> None:
        self.folder = scratch / "booth"
        self.folder.mkdir(exist_ok=True)
        self.control = power_cut.Control(shim, self.folder, scratch)
        self._process: subprocess.Popen[str] | None = None

    @contextmanager
    def running(self) -> Iterator[AskedBooth]:
        command = [sys.executable, "-m", "tests.crash.asked_booth", str(self.folder)]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | self.control.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as self._process:
            try:
                assert self._read() == "opened"
                yield self
            finally:
                self._process.kill()

    def ask(self, question: str) -> tuple[Any, bool]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        answer, is_on_reserve = self._read()
        return answer, is_on_reserve

    def _read(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@pytest.fixture
def booth(shim, tmp_path) -> AskedBooth:
    return AskedBooth(shim, tmp_path)


def test_a_running_session_goes_on_in_the_reserve_of_a_full_disk(booth):
    with booth.running():
        kept = [booth.ask("append 200")[0]]
        booth.control.set(space=0)
        taken, on_reserve = 0, False
        for _ in range(400):
            answer, on_reserve = booth.ask("append 600")
            assert answer != FULL
            kept.append(answer)
            taken += on_reserve
        assert on_reserve
        assert taken > 300
        assert booth.control.space < SIZE
        assert booth.ask("restore") == (False, True)
        booth.control.set(space=4 * SIZE)
        assert booth.ask("restore") == (True, False)
        assert booth.ask("verify") == (True, False)
        assert booth.ask("unsent")[0] == kept


def test_when_the_reserve_is_full_too_it_says_so_and_nothing_is_half_written(booth):
    with booth.running():
        booth.control.set(space=0)
        kept = []
        answer = booth.ask("append 3000")[0]
        while answer != FULL:
            kept.append(answer)
            assert len(kept) < 20_000
            answer = booth.ask("append 3000")[0]
        assert len(kept) > 500  # in 8 MiB, with the longest events there are
        assert booth.ask("append 3000")[0] == FULL
        assert booth.ask("resume seat")[0] in {FULL, None}
        assert booth.ask("unsent")[0] == kept
        assert booth.ask("verify")[0] is True
        booth.control.set()
        kept.append(booth.ask("append 10")[0])
        assert booth.ask("unsent")[0] == kept
        assert booth.ask("verify")[0] is True


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_writes_is_told_and_heals(booth, code):
    with booth.running():
        kept = [booth.ask("append 100")[0]]
        booth.control.set(write_error=code, sync_error=code)
        assert booth.ask("append 100")[0] == FULL
        assert booth.ask("resume seat")[0] == FULL
        assert booth.ask("unsent")[0] == kept
        booth.control.set()
        kept.append(booth.ask("append 100")[0])
        assert booth.ask("unsent")[0] == kept
        assert booth.ask("verify")[0] is True


def test_a_sync_that_fails_is_no_promise(booth, tmp_path):
    """The event whose sync failed is refused; what is promised afterwards survives a cut right then."""
    disk = power_cut.Disk(booth.folder)
    with booth.running():
        kept = [booth.ask("append 100")[0]]
        booth.control.set(sync_error=errno.EIO)
        assert booth.ask("append 100")[0] == FULL
        booth.control.set()
        kept.append(booth.ask("append 100")[0])
    for call in power_cut.read_calls(booth.control.log):
        disk.play(call)
    for seed in range(20):
        disk.cut(tmp_path / "after", random.Random(seed))
        journal = Journal(tmp_path / "after" / "data" / "journal.sqlite3")
        assert [str(event.event_id) for event in journal.unsent(10)] == kept
        assert journal.verify().is_sound
        journal.close()


def test_what_a_killed_process_had_not_synced_is_synced_before_anybody_hears_of_it(booth, tmp_path):
    """Killed in front of the sync: the next start reads the event from the cache, so it must not go with a cut then."""
    disk = power_cut.Disk(booth.folder)
    with booth.running():
        booth.ask("append 100")
        before = booth.control.calls
        booth.ask("append 100")
        one_append = booth.control.calls - before
        booth.control.set(die_at=one_append - 1)
        with pytest.raises(json.JSONDecodeError):
            booth.ask("append 100")
    assert power_cut.read_calls(booth.control.log)[-1].kind == "W"
    booth.control.set()
    with booth.running():
        heard = booth.ask("unsent")[0]
    assert len(heard) == 3
    for call in power_cut.read_calls(booth.control.log):
        disk.play(call)
    for seed in range(20):
        disk.cut(tmp_path / "after", random.Random(seed))
        journal = Journal(tmp_path / "after" / "data" / "journal.sqlite3")
        assert [str(event.event_id) for event in journal.unsent(10)] == heard
        journal.close()
