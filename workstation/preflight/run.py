"""One pre-flight: every check side by side, each bounded, all of them judged together."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from drivers.errors import KioskError
from kiosk_config.pack.model import MainSitePack
from workstation.health.trust import MainSiteTrust, tls_context, trust_of
from workstation.site.preflight import MAX_CHECKS, PreflightCheck, PreflightKind, PreflightReport, worst

from .bounded import in_parallel
from .client import check_client
from .components import check_components
from .conference import check_conference
from .dry_run import dry_run
from .findings import Reason, failed
from .judge import judge
from .packs import check_pack
from .probe import Probe, Target, probe
from .request import BROWSER_TIMEOUT_S, PROBES_TIMEOUT_S, PreflightRequest, moment

_WORKERS = 16


def run_preflight(request: PreflightRequest) -> PreflightReport:
    """Make every check; takes hardly more than ``PROBES_TIMEOUT_S``."""
    began, checked_at = time.monotonic(), datetime.now(UTC)
    pack, now = request.pack, moment(request, checked_at)
    checks = check_pack(pack, now, known_serial=request.known_serial, sub_site=request.sub_site)
    checks += _asked(request, now)
    checks = checks[:MAX_CHECKS]
    return PreflightReport(
        report_id=request.report_id,
        main_site_id=pack.main_site_id,
        main_site=pack.name,
        serial=pack.serial,
        checked_at=checked_at,
        duration_s=round(time.monotonic() - began, 3),
        verdict=worst(checks),
        checks=checks,
    )


def targets(pack: MainSitePack) -> list[Target]:
    """Return what to ask: every origin, the launch address, and pinned hosts below an origin. Each once."""
    found = {rule.origin: Target(origin=rule.origin, path=next(iter(rule.paths), "/")) for rule in pack.origins}
    launch = urlsplit(pack.launch.url)
    found.setdefault(f"{launch.scheme}://{launch.netloc}", Target(origin=f"{launch.scheme}://{launch.netloc}"))
    hosts = {target.host for target in found.values()}
    for pin in pack.pins:
        if pin.host not in hosts:
            port = next((_port(rule.origin) for rule in pack.origins if _is_below(pin.host, rule.origin)), "")
            found.setdefault(f"https://{pin.host}{port}", Target(origin=f"https://{pin.host}{port}"))
    return list(found.values())


def _is_below(host: str, origin: str) -> bool:
    return host.endswith(f".{urlsplit(origin).hostname}")


def _port(origin: str) -> str:
    port = urlsplit(origin).port
    return "" if port is None else f":{port}"


def _asked(request: PreflightRequest, now: datetime) -> list[PreflightCheck]:
    pack, wanted, checks = request.pack, targets(request.pack), list[PreflightCheck]()
    try:
        contexts = _contexts(trust_of(pack, request.certificate), wanted, checks)
    except (OSError, ValueError, KioskError):
        return [failed(PreflightKind.PACK, pack.main_site_id, Reason.AUTHORITY_UNREADABLE)]
    probes: list[Callable[[], Probe]] = [partial(probe, target, contexts[target.host]) for target in wanted]
    rest: list[Callable[[], list[PreflightCheck]]] = [
        partial(dry_run, pack, drill=request.drill, certificate=request.certificate, timeout_s=BROWSER_TIMEOUT_S),
        partial(check_components, pack),
        partial(check_conference, pack),
        partial(check_client, pack),
    ]
    jobs: list[Callable[[], Probe | list[PreflightCheck]]] = [*rest, *probes]
    browsed, components, conference, client, *answers = in_parallel(jobs, workers=_WORKERS, timeout_s=PROBES_TIMEOUT_S)
    found = [
        answer if isinstance(answer, Probe) else Probe(target=target, failure=Reason.TIMED_OUT)
        for target, answer in zip(wanted, answers, strict=True)
    ]
    checks += judge(pack, found, now)
    checks += _or_timed_out(components, PreflightKind.COMPONENT, pack)
    checks += _or_timed_out(conference, PreflightKind.CONFERENCE, pack)
    checks += _or_timed_out(client, PreflightKind.CONFERENCE, pack)
    return checks + _or_timed_out(browsed, PreflightKind.LAUNCH, pack)


def _contexts(trust: MainSiteTrust, wanted: list[Target], checks: list[PreflightCheck]) -> dict[str, ssl.SSLContext]:
    """Return what verifies each host. The booth's certificate that cannot be read becomes a check."""
    common = tls_context(trust, "")
    contexts = {target.host: common for target in wanted}
    for host in trust.client_hosts & contexts.keys():
        try:
            contexts[host] = tls_context(trust, host)
        except OSError:
            checks.append(failed(PreflightKind.CERTIFICATE, f"main_site.certificate_file ({host})", Reason.UNREADABLE))
    return contexts


def _or_timed_out(
    answer: Probe | list[PreflightCheck] | None, kind: PreflightKind, pack: MainSitePack
) -> list[PreflightCheck]:
    return answer if isinstance(answer, list) else [failed(kind, pack.main_site_id, Reason.TIMED_OUT)]
