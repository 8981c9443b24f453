"""Accounts of experts at a main site: sealed on the way into the database, opened for the booth where they sit."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workstation.site.contract import Account
from workstation.site.server.models import RosterExpert

_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: random, 96 bits


def seal(account: Account, ticket_key: str, expert: RosterExpert) -> bytes:
    """Return the account under AES-256-GCM, readable only as that of this expert, in this project, of this day.

    ``ticket_key`` is the server's secret, so a copy of the database opens no account.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(ticket_key).encrypt(nonce, account.model_dump_json().encode(), _owner(expert))


def unseal(expert: RosterExpert, ticket_key: str) -> Account | None:
    """Return the expert's account, ``None`` without one, or when it was sealed under another key or for another."""
    if expert.account is None:
        return None
    nonce, sealed = expert.account.sealed[:_NONCE_BYTES], expert.account.sealed[_NONCE_BYTES:]
    try:
        return Account.model_validate_json(_cipher(ticket_key).decrypt(nonce, sealed, _owner(expert)))
    except InvalidTag:
        return None


def _cipher(ticket_key: str) -> AESGCM:
    # A key of its own, because the ticket key itself already makes tickets.
    return AESGCM(hmac.new(ticket_key.encode(), b"roster accounts", hashlib.sha256).digest())


def _owner(expert: RosterExpert) -> bytes:
    return f"{expert.project_id}\n{expert.key_id}\n{expert.expert_hash}".encode()
