"""Recordings of a closed meeting: found by their names, digested once, kept in the index for the hand-over (移交目录).

The site keeps the files for as long as its rules say; this server never deletes one.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.server.database import Database
from workstation.site.server.meetings.meetings import Meeting
from workstation.site.server.meetings.mjr import HEAD_BYTES, MjrName, read_head, read_name
from workstation.site.server.models import MeetingParticipant, RecordingRow

_SETTLE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class RecordingFile:
    """A recording on disk. ``size`` in bytes, when it was looked at."""

    path: Path
    said: MjrName
    size: int


def find(folder: Path, meeting: Meeting) -> list[RecordingFile]:
    """Return the recordings of a meeting in its folder. Links and files of other names are left out.

    Raises:
        OSError: the folder cannot be read.
    """
    rooms = {meeting.rooms.meeting, meeting.rooms.desktop}
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    found = []
    for path in paths:
        said = read_name(path.name)
        if said is not None and said.room in rooms and path.is_file() and not path.is_symlink():
            found.append(RecordingFile(path=path, said=said, size=path.stat().st_size))
    return found


def take_in(database: Database, recordings: Path, meeting: Meeting, stop: threading.Event) -> bool:
    """Digest the recordings of a meeting that nobody writes to any more. May be interrupted and repeated.

    Args:
        database: where the index is.
        recordings: the folder of all meetings' folders.
        meeting: whose rooms were ended.
        stop: ends it between two files.

    Returns:
        Whether the index is complete: no file grew meanwhile, and none is left.

    Raises:
        OSError: a file cannot be read.
    """
    folder = recordings / meeting.rooms.meeting
    files = find(folder, meeting)
    stop.wait(_SETTLE_S)
    if find(folder, meeting) != files:
        return False
    known = database.run(lambda session: _sizes(session, meeting.project_id))
    for file in files:
        if stop.is_set():
            return False
        name = file.path.relative_to(recordings).as_posix()
        if known.get(name) != file.size:
            row = _digested(name, file, meeting.project_id)
            database.run(partial(_store, row=row, participant_id=file.said.participant_id))
    return True


def _sizes(session: Session, project_id: str) -> dict[str, int]:
    rows = session.scalars(select(RecordingRow).where(RecordingRow.project_id == project_id))
    return {row.file: row.size for row in rows}


def _digested(name: str, file: RecordingFile, project_id: str) -> RecordingRow:
    with file.path.open("rb") as content:
        head = read_head(content.read(HEAD_BYTES))
        content.seek(0)
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
    return RecordingRow(
        file=name,
        project_id=project_id,
        medium=file.said.medium,
        started_at=None if head is None else head.started_at,
        size=size,
        sha256=sha256,
    )


def _store(session: Session, *, row: RecordingRow, participant_id: str) -> None:
    participant = session.get(MeetingParticipant, participant_id)
    row.alias = "" if participant is None else participant.alias
    session.merge(row)
