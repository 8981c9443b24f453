"""Booths that are killed: ``python -m tests.crash.doomed_booth FOLDER URL TOKEN``, one life for each line on stdin.

A line is a life's number, and after how many seconds the kernel ends it, wherever it is, when the shim did not do so
before. The answer is its exit status. Lives are forked from a process that has everything imported: a thousand starts
of Python would take half an hour.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from datetime import timedelta
from pathlib import Path

from tests.crash.durable_writer import Notes
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.outbox import Reporter

BOOTH_ID = "booth-03"
KEEP = timedelta(seconds=1)
"""So short that what the site has is pruned while the booth dies."""

ROUNDS = 12


def live(folder: Path, url: str, token: str, life: int) -> None:
    chance, notes = random.Random(life), Notes(folder)
    journal = Journal(folder / "data" / "journal.sqlite3")
    notes.say("opened", set_aside=journal.set_aside is not None)
    client = SiteClient(url, BOOTH_ID, token, timeout_s=10)
    reporter = Reporter(journal, client, list, lambda: "idle", lambda _command: None, version="1.0", keep=KEEP)
    for turn in range(ROUNDS):
        for part in range(chance.randint(0, 4)):
            number = f"{life}/{turn}/{part}"
            notes.say("appends", number=number)
            journal.append("step", "s-1", {"number": number, "text": "x" * chance.choice([0, 60, 900])})
            notes.say("appended", number=number)
        if chance.random() < 0.3:
            journal.save_resume(f"{life}/{turn}")
        reporter.report_once()
    journal.close()


def main(folder: Path, url: str, token: str) -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                life, until_s = line.split()
                signal.setitimer(signal.ITIMER_REAL, float(until_s))  # SIGALRM that nobody handles is as good as -9
                live(folder, url, token, int(life))
                status = 0
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
