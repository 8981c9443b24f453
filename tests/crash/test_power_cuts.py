"""The power goes at every call that a booth makes to its disk: all that was promised is there, and nothing is half."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import workstation
from tests.crash import power_cut
from workstation.journal.journal import Journal

ROOT = Path(workstation.__file__).parents[1]
CUTS = 100
"""Per seed. Each is another moment and another choice of what is lost."""


@dataclass
class Promised:
    """What the writer had been told when the power went."""

    events: dict[str, str] = field(default_factory=dict)
    at_site: set[str] = field(default_factory=set)
    resume: list[str | None] = field(default_factory=lambda: [None])
    commands: list[str] = field(default_factory=list)
    files: dict[str, list[str | None]] = field(default_factory=dict)

    def hear(self, note: dict[str, Any]) -> None:
        match note["what"]:
            case "appended":
                self.events[note["id"]] = note["hash"]
            case "site has":
                self.at_site |= set(note["ids"])
            case "resume begins":
                self.resume.append(note["body"])
            case "resume":
                self.resume = [note["body"]]
            case "command":
                self.commands.append(note["id"])
            case "file begins":
                self.files.setdefault(note["name"], [None]).append(note["content"])
            case "file":
                self.files[note["name"]] = [note["content"]]

    def check(self, folder: Path) -> None:
        for name, contents in self.files.items():
            path = folder / "data" / name
            assert (path.read_text() if path.exists() else None) in contents, name
        journal = Journal(folder / "data" / "journal.sqlite3")
        try:
            report = journal.verify()
            assert report.is_sound
            waiting = {str(event.event_id): event.chain_hash for event in journal.unsent(10_000)}
            stored = dict(journal._connection.execute("SELECT event_id, chain_hash FROM events").fetchall())
            for event_id, chain_hash in self.events.items():
                if event_id not in self.at_site:
                    assert waiting.get(event_id) == chain_hash
                assert stored.get(event_id, chain_hash) == chain_hash
            assert journal.load_resume() in self.resume
            assert [journal.take_command(command) for command in self.commands] == [False] * len(self.commands)
            assert journal.append("after_the_cut", "", {})
            assert journal.verify().is_sound
        finally:
            journal.close()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_cut_takes_all_that_was_promised_is_there(tmp_path, shim, seed, allow_logs):
    allow_logs("workstation.journal.journal")
    folder = tmp_path / "booth"
    folder.mkdir()
    control = power_cut.Control(shim, folder, tmp_path)
    disk = power_cut.Disk(folder)
    command = [sys.executable, "-m", "tests.crash.durable_writer", str(folder), str(seed)]
    environment = os.environ | control.environment
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=100, capture_output=True)
    calls = power_cut.read_calls(control.log)
    chance = random.Random(seed)
    moments = set(chance.sample(range(len(calls)), min(CUTS, len(calls))))
    promised, heard = Promised(), 0
    for moment, call in enumerate(calls):
        disk.play(call)
        for note in disk.promises[heard:]:
            promised.hear(json.loads(note))
        heard = len(disk.promises)
        if moment in moments:
            disk.cut(tmp_path / "after", chance)
            promised.check(tmp_path / "after")
    assert heard > 50
