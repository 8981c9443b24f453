"""How it went to get the expert into the main site: what was refused, and what is left to try. Frozen facts."""

from __future__ import annotations

from dataclasses import dataclass

SIGN_OUTS = 3
"""After so many ends of the main site's session, one soon after the other, the booth does not enter again by itself."""

SETTLED_S = 120.0
"""Who stays in for so long has settled: an end of the session after that is none of a row."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """The way into the main site during one stay.

    Attributes:
        by_account: the site is asked for the expert's account, because tickets were refused (E-505).
        has_fallback: the pack allows that.
        account_refusals: how often the main site refused an account since the expert was last in.
        account_tries: so often it may, by the pack; 0 while no account was granted.
        sign_outs: ends of the main site's session in a row (E-507).
        is_opening: the page was asked for, so that arrival can be told.
        is_stopped: nothing more happens by itself.
    """

    by_account: bool = False
    has_fallback: bool = False
    account_refusals: int = 0
    account_tries: int = 0
    sign_outs: int = 0
    is_opening: bool = False
    is_stopped: bool = False

    @property
    def account_is_used_up(self) -> bool:
        """Whether one more refusal could lock the account at the main site (E-506)."""
        return 0 < self.account_tries <= self.account_refusals


FIRST_WAY = Way()
