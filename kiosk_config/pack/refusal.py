"""Why a pack is refused, in words that the journal and the administrator's tool share."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Every reason. The value goes into the journal."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown-key"
    ALTERED = "altered"
    OLDER = "older"
    SERIAL_REUSED = "serial-reused"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    FOREIGN = "foreign"
    PLAIN_HTTP = "plain-http"
    MISSING = "missing"
    UNREADABLE = "unreadable"


class PackRefusedError(Exception):
    """A pack that must not be used.

    Attributes:
        refusal: which reason.
        detail: the facts for the administrator.
    """

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{refusal}: {detail}")
        self.refusal = refusal
        self.detail = detail
