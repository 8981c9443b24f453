"""Starts the browser's process for the dry run, bounds its time, and judges what it saw."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import urlsplit

from pydantic import ValidationError

from kiosk_config.pack.model import MainSitePack
from workstation.certificate import BoothCertificate
from workstation.site.preflight import PreflightCheck, PreflightKind
from workstation.spawn import module_command

from .findings import Reason, failed, passed, warned
from .request import BROWSER_TIMEOUT_S, DryRun, DryRunOrder

_ROUTE = frozenset({"origin", "scheme", "user-info", "unreadable", "path"})
"""Refusals of an address; the others are of something that a page asked the browser for."""

_FAILURES = {
    "not-trusted": Reason.NOT_TRUSTED,
    "not-reached": Reason.NOT_REACHED,
    "crashed": Reason.BROWSER_FAILED,
    "runs-as-root": Reason.RUNS_AS_ROOT,
}


def dry_run(
    pack: MainSitePack,
    *,
    drill: bool,
    certificate: BoothCertificate | None = None,
    timeout_s: float = BROWSER_TIMEOUT_S,
) -> list[PreflightCheck]:
    """Open the launch address in the real locked browser, without a ticket, and return what that showed."""
    order = DryRunOrder(pack=pack, drill=drill, certificate=certificate, load_timeout_s=timeout_s / 2)
    process = subprocess.Popen(
        module_command("workstation.preflight.browser"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    try:
        output, _ = process.communicate(order.model_dump_json().encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return [failed(PreflightKind.LAUNCH, _host(pack), Reason.TIMED_OUT)]
    finally:
        process.kill()
        _reap(process)
    seen = parse_dry_run(output)
    if seen is None:
        return [failed(PreflightKind.LAUNCH, _host(pack), Reason.BROWSER_FAILED)]
    return judge_dry_run(pack, seen)


def parse_dry_run(output: bytes) -> DryRun | None:
    """Return the last line that is a ``DryRun``; Chromium may have written before it. ``None`` without one."""
    for line in reversed(output.splitlines()):
        try:
            return DryRun.model_validate_json(line)
        except ValidationError:
            continue
    return None


def judge_dry_run(pack: MainSitePack, seen: DryRun) -> list[PreflightCheck]:
    """Return the checks: the launch itself, every host that the page wanted and did not get, the form's elements."""
    checks = [_launch(pack, seen)]
    for refused in seen.refused:
        reason = Reason.HOST_REFUSED if refused.reason in _ROUTE else Reason.ASKED_REFUSED
        subject = refused.host or refused.reason
        if reason is Reason.ASKED_REFUSED:
            subject = f"{refused.reason} ({refused.host})" if refused.host else refused.reason
        checks.append(warned(PreflightKind.REQUEST, subject, reason))
    for selector, is_there in seen.selectors.items():
        if is_there:
            checks.append(passed(PreflightKind.FORM, selector))
        else:
            reason = Reason.SELECTOR_INVALID if is_there is None else Reason.SELECTOR_MISSING
            checks.append(failed(PreflightKind.FORM, selector, reason))
    return checks


def _launch(pack: MainSitePack, seen: DryRun) -> PreflightCheck:
    values = {"load_s": seen.load_s}
    if seen.outcome in {"opened", "asked-ticket"}:
        return passed(PreflightKind.LAUNCH, _host(pack), **values)
    reason = _FAILURES[seen.outcome]
    if reason is Reason.NOT_REACHED and any(refused.reason in _ROUTE for refused in seen.refused):
        # Nothing was shown because the way led out of the pack: the refused hosts are named beside this.
        reason = Reason.REDIRECTS_ELSEWHERE
    return failed(PreflightKind.LAUNCH, _host(pack), reason, **values)


def _host(pack: MainSitePack) -> str:
    return urlsplit(pack.launch.url).hostname or pack.main_site_id


def _reap(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
