"""What a main site's page may say to ``window.workstation`` and what it hears: typed, bounded, and without Qt.

docs/page-bridge.md holds the JSON schema that is generated from these models (docs/generate.py).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_CALL = 4096
"""Letters of one call; the largest good one has less than 1000."""

CallId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Part(BaseModel):
    """Base: immutable, exact types, no unknown keys."""

    # Built when first used: most packs let no page call, and the page must not wait for it.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


class Facts(Part):
    """What a page may know of the booth.

    Attributes:
        booth: the booth's name at its site.
        alias: the expert's code in this project (评委编号); never a name. "" while nobody is assigned.
        state: the journey's state, such as ``evaluating``.
    """

    api_version: Literal[1] = 1
    booth: str = ""
    alias: str = ""
    state: str = ""


class SignatureRequest(Part):
    """A digest to be signed with the expert's token.

    Attributes:
        request_id: the main site's own name for it; comes back in the answer.
        purpose: shown to the expert before they enter the PIN.
        digest: 32 bytes, lower-case hex.
    """

    request_id: CallId
    # No control characters and nothing that turns the direction of writing: the expert reads it before the PIN.
    purpose: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,200}$")]
    digest_algorithm: Literal["sha256", "sm3"]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SignatureReply(Part):
    """The answer to a request.

    Attributes:
        reason: why not: ``no-token`` (there is none, or no driver for one) or ``declined`` (by the expert).
        signature: base64, "" unless signed.
        certificate: the signer's, DER in base64, "" unless signed.
    """

    request_id: CallId
    status: Literal["signed", "unavailable", "refused"]
    reason: Literal["", "no-token", "declined"] = ""
    signature: Annotated[str, Field(max_length=4096)] = ""
    certificate: Annotated[str, Field(max_length=16384)] = ""


class FactsCall(Part):
    """Asks for the facts."""

    id: CallId
    method: Literal["facts"]


class SignatureCall(Part):
    """Asks for a signature."""

    id: CallId
    method: Literal["requestSignature"]
    payload: SignatureRequest


class Problem(StrEnum):
    """Why a call got no answer."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    TOO_MANY = "too-many"
    NOT_ALLOWED = "not-allowed"


class Answer(Part):
    """What comes back: exactly one of ``value`` and ``problem``. ``id`` is "" when the call's could not be read."""

    id: str = ""
    value: Facts | SignatureReply | None = None
    problem: Annotated[Problem | None, Field(strict=False)] = None


Call = Annotated[FactsCall | SignatureCall, Field(discriminator="method")]
_CALL: TypeAdapter[FactsCall | SignatureCall] = TypeAdapter(Call, config=ConfigDict(defer_build=True))


class SignatureProvider(Protocol):
    """Whoever signs for the expert. It answers later: a PIN has to be typed first."""

    def request(self, request: SignatureRequest, answer: Callable[[SignatureReply], None]) -> None:
        """Begin; ``answer`` is called once, in the GUI thread, at once or later. Must not block, must not raise."""


class NoToken:
    """The provider of a booth without a token driver."""

    def request(self, request: SignatureRequest, answer: Callable[[SignatureReply], None]) -> None:
        """Say so."""
        answer(SignatureReply(request_id=request.request_id, status="unavailable", reason="no-token"))


def read_call(text: str) -> FactsCall | SignatureCall | Problem:
    """Read a call. Never raises, whatever the text is."""
    if len(text) > MAX_CALL:
        return Problem.TOO_LARGE
    try:
        return _CALL.validate_json(text)
    except (ValidationError, UnicodeError):
        return Problem.MALFORMED


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of calls and answers."""
    _, schema = TypeAdapter.json_schemas([("call", "validation", _CALL), ("answer", "serialization", _ANSWER)])
    return schema


_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
