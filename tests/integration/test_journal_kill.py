"""Kill -9 at random moments: every event that was reported as appended is there, and the chain holds."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import workstation
from workstation.journal.journal import Journal

ROOT = Path(workstation.__file__).parents[1]

CHILD = """
import sys
from pathlib import Path
from workstation.journal.journal import Journal
journal = Journal(Path(sys.argv[1]))
print("ready", flush=True)
n = 0
while True:
    event = journal.append("step", "s-1", {"n": n, "text": "x" * (n % 700)})
    print(event.event_id, flush=True)
    if n % 3 == 0:
        journal.save_resume(str(n))
    if n % 5 == 0:
        journal.acknowledge([event.event_id])
    n += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_at_any_moment_nothing_reported_is_lost(tmp_path):
    path = tmp_path / "journal.db"
    reported: list[str] = []
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.0, 0.25))
        child.kill()
        rest, _ = child.communicate(timeout=20)
        reported += [line.strip() for line in rest.splitlines(keepends=True) if line.endswith("\n")]

        journal = Journal(path)
        report = journal.verify()
        kept = [str(event.event_id) for event in journal.unsent(1_000_000)]
        journal.close()
        assert report.first_broken_seq is None
        assert report.events >= len(reported)

    journal = Journal(path)
    rows = journal._connection.execute("SELECT event_id FROM events").fetchall()
    journal.close()
    assert set(reported) <= {row[0] for row in rows}
    assert set(kept) <= {row[0] for row in rows}
    assert reported
