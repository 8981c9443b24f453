"""The words a check can end with, what each means in Chinese, and what the administrator can do about it."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

from workstation.site.preflight import PreflightCheck, PreflightKind, PreflightReport, PreflightVerdict

_MAX_TEXT = 300


class Reason(StrEnum):
    """Why a check is judged so. On the wire and in journals; never renamed."""

    GOOD = "good"
    TIMED_OUT = "timed-out"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    EXPIRES_SOON = "expires-soon"
    OLDER_SERIAL = "older-serial"
    OTHER_SITE = "other-site"
    SITE_UNKNOWN = "site-unknown"
    AUTHORITY_UNREADABLE = "authority-unreadable"
    NO_ADDRESS = "no-address"
    NOT_REACHED = "not-reached"
    REFUSED = "refused"
    CLOSED = "closed"
    TLS_FAILED = "tls-failed"
    WANTS_CLIENT_CERTIFICATE = "wants-client-certificate"
    NOT_HTTP = "not-http"
    SERVER_ERROR = "server-error"
    REDIRECTS_ELSEWHERE = "redirects-elsewhere"
    NOT_TRUSTED = "not-trusted"
    WRONG_HOST = "wrong-host"
    UNREADABLE = "unreadable"
    NOT_PINNED = "not-pinned"
    CLOCK_OFF = "clock-off"
    NO_DATE = "no-date"
    FILE_MISSING = "file-missing"
    FILE_ALTERED = "file-altered"
    PACKAGE_MISSING = "package-missing"
    PACKAGE_OLD = "package-old"
    NO_PACKAGES = "no-packages"
    MEDIA_FAILED = "media-failed"
    NOT_EXECUTABLE = "not-executable"
    NO_SCREEN = "no-screen"
    RUNS_AS_ROOT = "runs-as-root"
    BROWSER_FAILED = "browser-failed"
    HOST_REFUSED = "host-refused"
    ASKED_REFUSED = "asked-refused"
    SELECTOR_MISSING = "selector-missing"
    SELECTOR_INVALID = "selector-invalid"


@cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = tomllib.loads(
        files(__package__).joinpath("zh_CN.toml").read_text(encoding="utf-8")
    )
    return texts


def text(table: str, word: str) -> str:
    """Return the Chinese of a word; the word itself when a newer booth sent one that we do not know."""
    return _texts()[table].get(word, word)


def passed(kind: PreflightKind, subject: str, **values: float) -> PreflightCheck:
    """Return a check that found nothing wrong."""
    return _check(kind, subject, PreflightVerdict.PASS, Reason.GOOD, values)


def warned(kind: PreflightKind, subject: str, reason: Reason, **values: float) -> PreflightCheck:
    """Return a check that somebody should look at."""
    return _check(kind, subject, PreflightVerdict.WARN, reason, values)


def failed(kind: PreflightKind, subject: str, reason: Reason, **values: float) -> PreflightCheck:
    """Return a check that would keep an expert out."""
    return _check(kind, subject, PreflightVerdict.FAIL, reason, values)


def _check(
    kind: PreflightKind, subject: str, verdict: PreflightVerdict, reason: Reason, values: dict[str, float]
) -> PreflightCheck:
    fix = _texts()["fix"].get(f"{kind}-{reason}") or _texts()["fix"].get(reason, "")
    return PreflightCheck(
        kind=kind,
        subject=encodable(subject)[:_MAX_TEXT],
        verdict=verdict,
        reason=reason.value,
        values={name: round(value, 3) for name, value in values.items()},
        fix=fix,
    )


def encodable(subject: str) -> str:
    """Return ``subject`` without what cannot be sent or printed: a page's host is whatever the page wrote."""
    return "".join(letter if letter.isprintable() else "?" for letter in subject)


def tally(report: PreflightReport) -> dict[str, str | int]:
    """Return the facts that are journaled of a report."""
    verdicts = [check.verdict for check in report.checks]
    return {
        "main_site_id": report.main_site_id,
        "serial": report.serial,
        "verdict": report.verdict.value,
        "passed": verdicts.count(PreflightVerdict.PASS),
        "warned": verdicts.count(PreflightVerdict.WARN),
        "failed": verdicts.count(PreflightVerdict.FAIL),
    }
