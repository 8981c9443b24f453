"""A journal that does what it is asked, one line each: ``python -m tests.crash.asked_booth FOLDER``.

Questions: ``append LENGTH``, ``unsent``, ``verify``, ``restore``, ``resume BODY``. Answers: what came back, or the
error's code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from drivers.errors import KioskError
from workstation.journal.journal import Journal


def answer(journal: Journal, question: str) -> object:
    what, _, detail = question.strip().partition(" ")
    match what:
        case "append":
            return str(journal.append("step", "s-1", {"text": "x" * int(detail)}).event_id)
        case "unsent":
            return [str(event.event_id) for event in journal.unsent(100_000)]
        case "verify":
            return journal.verify().is_sound
        case "restore":
            return journal.restore_reserve()
        case "resume":
            return journal.save_resume(detail)
        case _:
            raise ValueError(what)


def main(folder: Path) -> None:
    try:
        journal = Journal(folder / "data" / "journal.sqlite3")
    except KioskError as error:
        print(json.dumps(error.code), flush=True)
        return
    print(json.dumps("opened"), flush=True)
    for question in sys.stdin:
        try:
            print(json.dumps([answer(journal, question), journal.is_on_reserve]), flush=True)
        except KioskError as error:
            code = error.code if error.retryable else f"{error.code} for good"
            print(json.dumps([code, journal.is_on_reserve]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
