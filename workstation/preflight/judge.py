"""Turns what origins answered into checks: reachable, certificate, pins, clock. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urljoin

from cryptography import x509

from kiosk_config.pack.model import MainSitePack
from workstation.evaluation.policy import OriginPolicy, Use
from workstation.health.trust import key_digest
from workstation.site.preflight import PreflightCheck, PreflightKind

from .findings import Reason, failed, passed, warned
from .probe import Probe

EXPIRY_NOTICE = timedelta(days=14)
CLOCK_LIMIT_S = 2.0
_DATE_RESOLUTION_S = 1.0
"""A Date header has whole seconds: the moment it names is known to half of that."""

_SERVER_ERROR = 500
_DAY = timedelta(days=1)


def judge(pack: MainSitePack, probes: Iterable[Probe], now: datetime) -> list[PreflightCheck]:
    """Return the checks of every origin, and one of the clock.

    Args:
        pack: whose origins were asked.
        probes: their answers.
        now: the moment that certificates are judged for.
    """
    answers = list(probes)
    checks: list[PreflightCheck] = []
    for answer in answers:
        checks.append(_reachable(pack, answer))
        if answer.certificate is not None or answer.distrust is not None:
            checks.append(_certificate(answer, now))
        if answer.certificate is not None:
            checks += _pins(pack, answer)
    checks.append(_clock(pack, answers))
    return checks


def _reachable(pack: MainSitePack, answer: Probe) -> PreflightCheck:
    subject = answer.target.origin
    values = {"addresses": float(answer.addresses)}
    if answer.failure is not None:
        return _unreachable(pack, answer, answer.failure)
    if answer.head is None or answer.sent_at is None or answer.received_at is None:
        return passed(PreflightKind.ORIGIN, subject, **values)
    values["round_trip_ms"] = (answer.received_at - answer.sent_at) / timedelta(milliseconds=1)
    if answer.head.status >= _SERVER_ERROR:
        return warned(PreflightKind.ORIGIN, subject, Reason.SERVER_ERROR, status=float(answer.head.status), **values)
    if answer.head.location and not _is_allowed(pack, urljoin(subject + "/", answer.head.location)):
        return warned(PreflightKind.ORIGIN, subject, Reason.REDIRECTS_ELSEWHERE, **values)
    return passed(PreflightKind.ORIGIN, subject, **values)


def _unreachable(pack: MainSitePack, answer: Probe, reason: Reason) -> PreflightCheck:
    subject, host = answer.target.origin, answer.target.host
    is_named = pack.client_certificate is not None and host in pack.client_certificate.hosts
    has_children = any(rule.subdomains and rule.origin == subject for rule in pack.origins)
    if (reason is Reason.WANTS_CLIENT_CERTIFICATE and is_named) or (reason is Reason.NO_ADDRESS and has_children):
        # A name that only stands for the names below it needs no address of its own.
        return warned(PreflightKind.ORIGIN, subject, reason)
    return failed(PreflightKind.ORIGIN, subject, reason)


def _is_allowed(pack: MainSitePack, address: str) -> bool:
    return OriginPolicy(pack.origins).decide(address, Use.MAIN_FRAME).allowed


def _certificate(answer: Probe, now: datetime) -> PreflightCheck:
    subject = answer.target.host
    leaf = _leaf(answer)
    if leaf is None:
        return failed(PreflightKind.CERTIFICATE, subject, answer.distrust or Reason.UNREADABLE)
    left = leaf.not_valid_after_utc - now
    values = {"valid_days": left / _DAY}
    if answer.distrust is not None:
        return failed(PreflightKind.CERTIFICATE, subject, answer.distrust, **values)
    if left <= timedelta():
        return failed(PreflightKind.CERTIFICATE, subject, Reason.EXPIRED, **values)
    if now < leaf.not_valid_before_utc:
        return failed(PreflightKind.CERTIFICATE, subject, Reason.NOT_YET_VALID, **values)
    if left < EXPIRY_NOTICE:
        return warned(PreflightKind.CERTIFICATE, subject, Reason.EXPIRES_SOON, **values)
    return passed(PreflightKind.CERTIFICATE, subject, **values)


def _leaf(answer: Probe) -> x509.Certificate | None:
    try:
        return None if answer.certificate is None else x509.load_der_x509_certificate(answer.certificate)
    except (ValueError, x509.InvalidVersion):
        return None


def _pins(pack: MainSitePack, answer: Probe) -> list[PreflightCheck]:
    keys = {key for pin in pack.pins if pin.host == answer.target.host for key in pin.keys}
    if not keys:
        return []
    try:
        shown = key_digest(answer.certificate or b"")
    except ValueError:
        shown = ""
    subject = answer.target.host
    if not shown:
        return [failed(PreflightKind.PIN, subject, Reason.UNREADABLE)]
    is_pinned = shown in keys
    return [passed(PreflightKind.PIN, subject) if is_pinned else failed(PreflightKind.PIN, subject, Reason.NOT_PINNED)]


def _clock(pack: MainSitePack, answers: list[Probe]) -> PreflightCheck:
    """Compare our clock with the main site's: that of the launch address, else the one that is nearest to ours."""
    offsets = [(answer.target.origin, *offset) for answer in answers if (offset := _offset(answer)) is not None]
    if not offsets:
        return warned(PreflightKind.CLOCK, pack.main_site_id, Reason.NO_DATE)
    is_launch = {origin: pack.launch.url.startswith((f"{origin}/", f"{origin}?")) for origin, _, _ in offsets}
    origin, offset_s, uncertainty_s = min(offsets, key=lambda each: (not is_launch[each[0]], abs(each[1])))
    values = {"offset_s": offset_s, "uncertainty_s": uncertainty_s}
    if abs(offset_s) - uncertainty_s > CLOCK_LIMIT_S:
        return warned(PreflightKind.CLOCK, origin, Reason.CLOCK_OFF, **values)
    return passed(PreflightKind.CLOCK, origin, **values)


def _offset(answer: Probe) -> tuple[float, float] | None:
    """Return their clock minus ours in seconds, and how far from that it may be."""
    if answer.head is None or answer.head.date is None or answer.sent_at is None or answer.received_at is None:
        return None
    round_trip = answer.received_at - answer.sent_at
    theirs = answer.head.date + timedelta(seconds=_DATE_RESOLUTION_S / 2)
    offset_s = (theirs - (answer.sent_at + round_trip / 2)).total_seconds()
    return offset_s, _DATE_RESOLUTION_S / 2 + round_trip.total_seconds() / 2
