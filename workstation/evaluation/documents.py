"""The expert's session folder: documents of known types only, in memory where the system has a place for that.

No name from a page becomes a path: names are made here, from the letters of the page's name and the type's ending.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from kiosk_config.pack.model import DocumentType
from workstation.private_folder import PrivateFolder, wipe_leftovers

from .surface import Document

_log = logging.getLogger(__name__)

PARENT_NAME = "evaluation-workstation-documents"
MAX_DOCUMENTS = 200
_HEAD = 4096
_ENDINGS: dict[DocumentType, tuple[str, ...]] = {
    "pdf": ("pdf",),
    "png": ("png",),
    "jpeg": ("jpg", "jpeg"),
    "text": ("txt",),
}
_MIME_TYPES: dict[DocumentType, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "text": "text/plain",
}
_ANY_MIME_TYPE = frozenset({"", "application/octet-stream"})
_NAME = re.compile(r"[^\w\-()（）《》〈〉【】、，。· ]+")
_MAX_NAME = 80


def type_of_name(name: str) -> DocumentType | None:
    """Return the type that a file's ending says."""
    ending = name.rpartition(".")[2].lower()
    return next((kind for kind, endings in _ENDINGS.items() if ending in endings and "." in name), None)


def agrees(kind: DocumentType, mime_type: str) -> bool:
    """Whether a MIME type (RFC 9110 section 8.3.1) fits ``kind``; a server that does not know says octet-stream."""
    essence = mime_type.partition(";")[0].strip().lower()
    return essence in _ANY_MIME_TYPE or essence == _MIME_TYPES[kind]


def has_signature(kind: DocumentType, content: bytes) -> bool:
    """Whether ``content``, the beginning of a file, begins as ``kind`` does (ISO 32000-2, ISO 15948, ISO 10918-1)."""
    match kind:
        case "pdf":
            return content.startswith(b"%PDF-")
        case "png":
            return content.startswith(b"\x89PNG\r\n\x1a\n")
        case "jpeg":
            return content.startswith(b"\xff\xd8\xff")
        case "text":
            return _is_text(content)


def _is_text(content: bytes) -> bool:
    if any(byte < 0x20 and byte not in b"\t\n\r\f" for byte in content):
        return False
    for encoding in ("utf-8", "gb18030"):
        for cut in range(4):  # the head may end inside a letter
            with contextlib.suppress(UnicodeDecodeError):
                content[: len(content) - cut].decode(encoding)
                return True
    return False


def safe_name(suggested: str, kind: DocumentType, taken: Iterable[str] = ()) -> str:
    """Return a file name that is none of ``taken``: letters of the last part of ``suggested`` and the type's ending."""
    last = re.split(r"[/\\]", suggested)[-1]
    stem = last.rpartition(".")[0] or last
    stem = " ".join(_NAME.sub(" ", stem).split())[:_MAX_NAME].strip() or "document"
    ending = _ENDINGS[kind][0]
    used = {name.lower() for name in taken}
    name, number = f"{stem}.{ending}", 1
    while name.lower() in used:
        number += 1
        name = f"{stem} ({number}).{ending}"
    return name


class SessionFolder:
    """The folder of one session, 0700, empty at first and gone after ``wipe``.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._folder = PrivateFolder(PARENT_NAME, place)
        self.path = self._folder.path
        self._documents: dict[str, Document] = {}

    @property
    def documents(self) -> tuple[Document, ...]:
        """What has come in, in that order."""
        return tuple(self._documents.values())

    @property
    def used_bytes(self) -> int:
        """How large all of it is."""
        return sum(document.size for document in self._documents.values())

    def arrival_name(self) -> str:
        """Return a name for a file on its way in."""
        return f"arriving-{secrets.token_hex(8)}"

    def admit(self, arrived: str, suggested: str, kind: DocumentType) -> Document | None:
        """Take in a file that has arrived, if its content is what its name says; else delete it.

        Args:
            arrived: what ``arrival_name`` returned.
            suggested: the page's name for it.
            kind: what that name says.
        """
        source = self.path / arrived
        try:
            with source.open("rb") as file:
                head = file.read(_HEAD)
            if has_signature(kind, head) and len(self._documents) < MAX_DOCUMENTS:
                name = safe_name(suggested, kind, self._documents)
                document = Document(name=name, kind=kind, size=source.stat().st_size)
                source.rename(self.path / name)
                self._documents[name] = document
                return document
        except OSError as error:
            _log.error("a document could not be taken in: %s", type(error).__name__)
        self.discard(arrived)
        return None

    def discard(self, arrived: str) -> None:
        """Delete a file that did not get in."""
        with contextlib.suppress(OSError):
            (self.path / arrived).unlink()

    def file_of(self, name: str, kinds: Iterable[DocumentType] | None = None) -> Path | None:
        """Return the file of a listed document, if it is one of ``kinds``."""
        document = self._documents.get(name)
        if document is None or (kinds is not None and document.kind not in set(kinds)):
            return None
        return self.path / document.name

    def wipe(self) -> None:
        """Delete the folder and all that is in it. Idempotent."""
        self._documents.clear()
        self._folder.wipe()


def forget_documents() -> None:
    """Delete what sessions before a crash have left. Never raises: without the folder there is nothing to delete."""
    try:
        if count := wipe_leftovers(PARENT_NAME):
            _log.warning("documents of %d crashed sessions deleted", count)
    except OSError as error:
        _log.error("no look for documents left behind: %s", type(error).__name__)
