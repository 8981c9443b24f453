"""Everything that a booth keeps durably, written by a real process.

``python -m tests.crash.durable_writer FOLDER SEED``.

After each call that returned, it promises what was returned for; before each, it says what it is about to do, so that
a cut within the call may show the old or the new state.
"""

from __future__ import annotations

import json
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from kiosk_config.pack.durable import write_durably
from tests.crash.power_cut import PROMISES
from workstation.journal.journal import Journal

STEPS = 60


class Notes:
    """What this process says about itself; the shim records it in one row with the calls to the disk."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / PROMISES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, what: str, **facts: object) -> None:
        os.write(self._descriptor, json.dumps({"what": what, **facts}).encode() + b"\n")


class Writer:
    """One booth at work: what it does is chance."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance, self.notes, self.folder = random.Random(seed), Notes(folder), folder
        self.path = folder / "data" / "journal.sqlite3"
        self.journal = Journal(self.path)

    def run(self) -> None:
        deeds = [self.append, self.acknowledge, self.resume, self.command, self.file, self.prune, self.reopen]
        for step in range(STEPS):
            [deed] = self.chance.choices(deeds, [9, 3, 3, 1, 2, 1, 1])
            deed(step)
        self.journal.close()

    def append(self, step: int) -> None:
        event = self.journal.append("step", "s-1", {"n": step, "text": "x" * self.chance.choice([0, 50, 700, 3900])})
        self.notes.say("appended", id=str(event.event_id), hash=event.chain_hash)

    def acknowledge(self, _step: int) -> None:
        ids = [event.event_id for event in self.journal.unsent(self.chance.randint(1, 8))]
        self.notes.say("site has", ids=[str(event_id) for event_id in ids])
        self.journal.acknowledge(ids)

    def resume(self, step: int) -> None:
        body = self.chance.choice([None, f"seat-{step}"])
        self.notes.say("resume begins", body=body)
        if body is None:
            self.journal.forget_resume()
        else:
            self.journal.save_resume(body)
        self.notes.say("resume", body=body)

    def command(self, _step: int) -> None:
        command_id = uuid4()
        self.journal.take_command(command_id)
        self.notes.say("command", id=str(command_id))

    def file(self, step: int) -> None:
        name, content = self.chance.choice(["pack", "report"]), str(step) * self.chance.choice([1, 400, 9000])
        self.notes.say("file begins", name=name, content=content)
        write_durably(self.folder / "data" / name, content.encode())
        self.notes.say("file", name=name, content=content)

    def prune(self, _step: int) -> None:
        self.journal.prune(datetime.now(UTC) + timedelta(hours=1), 5)

    def reopen(self, _step: int) -> None:
        self.journal.close()
        if self.chance.random() < 0.5:
            _break_header(self.path)
        self.journal = Journal(self.path)


def _break_header(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.pwrite(descriptor, bytes(16), 0)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    Writer(Path(sys.argv[1]), int(sys.argv[2])).run()
