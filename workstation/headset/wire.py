"""The JSON lines between the application and the sound check's process. Nothing that was spoken is ever among them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from drivers.errors import ErrorCode
from workstation.headset.contract import Step, Suggestion, Transform

_T = TypeVar("_T")
MAX_LINE_BYTES = 4096


class WireError(Exception):
    """The other side sent something that is no message."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Name = Annotated[str, Field(min_length=1, max_length=256)]


class Begin(_Message):
    """Check this headset (``SoundEndpoint.name``). The first command, and only the first."""

    do: Literal["begin"] = "begin"
    playback: Name
    capture: Name
    transform: Transform = Transform.PLAIN


class Listen(_Message):
    """Test this headset with nobody there (``run_unattended``). In place of ``Begin``; answered by the result alone."""

    do: Literal["listen"] = "listen"
    playback: Name
    capture: Name


class Answer(_Message):
    """Whether the expert heard the tone."""

    do: Literal["answer"] = "answer"
    heard: bool


class Again(_Message):
    """Play the tone once more."""

    do: Literal["again"] = "again"


class StepBegun(_Message):
    """A step begins. ``digits`` are what the expert reads, in SPEAK."""

    event: Literal["step"] = "step"
    step: Step
    digits: str = Field(default="", pattern=r"^[0-9]{0,8}$")


class LevelSeen(_Message):
    """How loud the microphone is now, for the meter."""

    event: Literal["level"] = "level"
    level_dbfs: float = Field(ge=-100, le=0.1)
    peak_dbfs: float = Field(ge=-100, le=0.1)
    speaking: bool


class Ended(_Message):
    """The sound check's result; the last event."""

    event: Literal["result"] = "result"
    code: ErrorCode | None = None
    suggestion: Suggestion = Suggestion.NONE
    is_looped: bool = False


Command = Annotated[Begin | Listen | Answer | Again, Field(discriminator="do")]
Event = Annotated[StepBegun | LevelSeen | Ended, Field(discriminator="event")]
_COMMANDS: TypeAdapter[Begin | Listen | Answer | Again] = TypeAdapter(Command)
_EVENTS: TypeAdapter[StepBegun | LevelSeen | Ended] = TypeAdapter(Event)


def encode(message: _Message) -> bytes:
    """Return the message as a line."""
    return message.model_dump_json().encode() + b"\n"


def read_command(line_untrusted: bytes) -> Begin | Listen | Answer | Again:
    """Return a command. Raises ``WireError``."""
    return _read(_COMMANDS, line_untrusted)


def read_event(line_untrusted: bytes) -> StepBegun | LevelSeen | Ended:
    """Return an event. Raises ``WireError``."""
    return _read(_EVENTS, line_untrusted)


def _read(adapter: TypeAdapter[_T], line_untrusted: bytes) -> _T:
    if len(line_untrusted) > MAX_LINE_BYTES:
        raise WireError("line too long")
    try:
        return adapter.validate_json(line_untrusted)
    except ValidationError as error:
        raise WireError(f"{error.error_count()} problem(s)") from None
