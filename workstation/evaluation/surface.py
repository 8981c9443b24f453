"""What the booth's own frame around the page shows and may ask for. Plain records: the page never draws its frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kiosk_config.pack.model import DocumentType


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One window of the main site, or one document of this session."""

    number: int
    title: str
    closable: bool


class QuestionKind(StrEnum):
    """What the expert is asked."""

    ALERT = "alert"
    CONFIRM = "confirm"
    PROMPT = "prompt"
    LEAVE = "leave"
    RELOAD = "reload"
    PASSWORD = "password"  # noqa: S105 - a kind of question
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question on the screen. ``text`` and ``default`` are the page's words: plain text, never markup.

    Attributes:
        may_silence: the expert may stop this page's questions, which came one after another.
        choices: names of documents that may be handed over.
    """

    number: int
    kind: QuestionKind
    text: str = field(default="", repr=False)
    default: str = field(default="", repr=False)
    may_silence: bool = False
    choices: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer; the default changes nothing.

    Attributes:
        text: what was typed, the user's name, or the chosen document.
    """

    accepted: bool = False
    text: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    silence: bool = False


class NoticeKind(StrEnum):
    """What the frame says for a few seconds."""

    PERMISSION = "permission"
    DOWNLOAD = "download"
    DOWNLOAD_TOO_LARGE = "download-too-large"
    DOWNLOADED = "downloaded"
    UPLOAD = "upload"
    TABS_FULL = "tabs-full"
    CRASHED = "crashed"
    HUNG = "hung"
    UNREADABLE = "unreadable"
    SAVE = "save"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice; ``word`` is the permission's word."""

    kind: NoticeKind
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """How a search went: the ``current`` of ``total``, 0 when there is none."""

    current: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document in the session folder."""

    name: str = field(repr=False)
    kind: DocumentType
    size: int


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Everything the frame shows.

    Attributes:
        active: number of the shown tab, 0 when there is none.
        sheet: page of the shown document and how many it has, ``None`` elsewhere.
        takes_documents: whether this main site's pack lets any document in.
    """

    tabs: tuple[Tab, ...] = ()
    active: int = 0
    zoom: float = 1.0
    can_go_back: bool = False
    can_reload: bool = False
    can_search: bool = False
    matches: Matches | None = None
    documents: tuple[Document, ...] = ()
    takes_documents: bool = False
    sheet: tuple[int, int] | None = None
    question: Question | None = None


@dataclass(frozen=True)
class SelectTab:
    """Show another tab."""

    number: int


@dataclass(frozen=True)
class CloseTab:
    """Close a tab; the page may ask first."""

    number: int


@dataclass(frozen=True)
class Zoom:
    """Larger (1), smaller (-1), or as the pack says (0)."""

    step: int


@dataclass(frozen=True)
class GoBack:
    """Go to the page before, where the policy still allows it."""


@dataclass(frozen=True)
class Reload:
    """Ask, then load the page again."""


@dataclass(frozen=True)
class Find:
    """Search the shown page or document; no text ends the search."""

    text: str = field(repr=False)
    backward: bool = False


@dataclass(frozen=True)
class OpenDocument:
    """Show a document of this session in a tab of its own."""

    name: str = field(repr=False)


@dataclass(frozen=True)
class TurnSheet:
    """Go on or back in the shown document."""

    step: int


@dataclass(frozen=True)
class Answer:
    """Answer the question with that number."""

    number: int
    reply: Reply


Command = SelectTab | CloseTab | Zoom | GoBack | Reload | Find | OpenDocument | TurnSheet | Answer
