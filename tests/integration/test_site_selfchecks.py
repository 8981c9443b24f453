"""Check-ups at the site server, over real HTTP: taken once, under the first key, listed, fetched, verified."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.errors import KioskError
from kiosk_config.__main__ import main as kiosk_config_main
from tests.integration.site_serving import serving
from tests.unit.checkup_samples import BAD, GOOD, MORNING, PDF, a_paper, a_report
from workstation.checkup.store import CheckupStore
from workstation.site.admin_client import AdminClient
from workstation.site.checkup_signature import sign_report, thumbprint_of
from workstation.site.client import SiteClient
from workstation.site.contract import CommandKind, ReportRequest
from workstation.site.selfcheck import CheckupHandIn, CheckupOrder, CheckupReport, CheckupVerdict
from workstation.site.server import selfchecks, tokens
from workstation.site.server.database import Database
from workstation.site.server.site import Site

BOOTHS = ("booth-02", "booth-03")
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


class Clock:
    now = MORNING

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[SimpleNamespace]:
    database = Database(database_url)
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, *BOOTHS), clock=Clock())
    context.enrol()
    with serving(context) as url:
        two, three = (SiteClient(url, booth, context.tokens.booths[booth], timeout_s=10) for booth in BOOTHS)
        admin = AdminClient(url, context.tokens.admin)
        token_file = tmp_path / "admin.token"
        token_file.write_text(context.tokens.admin)
        yield SimpleNamespace(
            url=url, two=two, three=three, admin=admin, tokens=context.tokens, folder=tmp_path, token_file=token_file
        )
        for client in (two, three, admin):
            client.close()
    database.close()


def hand_in(report: CheckupReport, key: Ed25519PrivateKey = KEY, *, with_paper: bool = True) -> CheckupHandIn:
    token = sign_report(report, key)
    if not with_paper:
        return CheckupHandIn(report=token)
    paper = a_paper(token, key)
    return CheckupHandIn(report=token, paper=base64.b64encode(paper.pdf), seal=paper.seal)


def test_a_report_is_taken_once_and_shown(site: SimpleNamespace) -> None:
    report = a_report(GOOD, BAD)
    for _ in range(2):  # the reply to the first was lost
        site.three.selfcheck(report.report_id, hand_in(report))
    later = a_report(GOOD)
    site.three.selfcheck(later.report_id, hand_in(later, with_paper=False))
    rows = site.admin.selfchecks("booth-03")
    assert [(row.report_id, row.verdict, row.has_paper) for row in rows] == [
        (later.report_id, CheckupVerdict.PASS, False),
        (report.report_id, CheckupVerdict.FAIL, True),
    ]
    assert rows[1].items == [BAD]
    assert all(row.is_key_known and row.thumbprint == thumbprint_of(KEY.public_key()) for row in rows)
    assert [row.report_id for row in site.admin.selfchecks()] == [later.report_id]
    assert site.admin.selfcheck_file("booth-03", report.report_id, "paper") == PDF


def refused(call, *arguments: object) -> int:
    with pytest.raises(KioskError) as caught:
        call(*arguments)
    assert not caught.value.retryable
    return int(caught.value.context["status"])


def test_what_is_not_as_it_was_signed_is_refused(site: SimpleNamespace) -> None:
    report = a_report(GOOD)
    good = hand_in(report)
    other = hand_in(a_report(GOOD))
    bad = [
        good.model_copy(update={"report": good.report[:-4] + "AAAA"}),
        good.model_copy(update={"paper": PDF + b"!"}),
        good.model_copy(update={"seal": other.seal}),
        hand_in(a_report(GOOD, booth="booth-02")),
        other,  # of another path
    ]
    for each in bad:
        assert refused(site.three.selfcheck, report.report_id, each) == 422
    assert site.admin.selfchecks() == []
    site.three.selfcheck(report.report_id, good)
    changed = hand_in(report.model_copy(update={"version": "2"}))
    assert refused(site.three.selfcheck, report.report_id, changed) == 409
    assert refused(site.two.selfcheck, report.report_id, hand_in(report)) == 422


def test_another_key_is_an_incident_and_no_report_is_lost(site: SimpleNamespace) -> None:
    reports = [a_report(GOOD) for _ in range(4)]
    for report, key in zip(reports, (KEY, OTHER, OTHER, KEY), strict=True):
        site.three.selfcheck(report.report_id, hand_in(report, key))
    assert [row.is_key_known for row in site.admin.selfchecks("booth-03")] == [True, False, False, True]
    headers = {"Authorization": f"Bearer {site.tokens.admin}"}

    def incidents() -> list[dict[str, str]]:
        answer = requests.get(f"{site.url}/v1/selfcheck-incidents", headers=headers, timeout=20)
        assert answer.status_code == 200
        return answer.json()

    [incident] = incidents()
    assert (incident["booth_id"], incident["report_id"]) == ("booth-03", str(reports[1].report_id))
    assert incident["thumbprint"] == thumbprint_of(OTHER.public_key())
    answer = requests.delete(f"{site.url}/v1/booths/booth-03/selfcheck-key", headers=headers, timeout=20)
    assert answer.status_code == 204  # the PC was replaced
    report = a_report(GOOD)
    site.three.selfcheck(report.report_id, hand_in(report, OTHER))
    assert site.admin.selfchecks("booth-03")[0].is_key_known
    assert len(incidents()) == 1


def test_only_the_newest_are_kept(site: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfchecks, "KEPT", 2)
    reports = [a_report(GOOD) for _ in range(4)]
    for report in reports:
        site.three.selfcheck(report.report_id, hand_in(report, with_paper=False))
    assert [row.report_id for row in site.admin.selfchecks("booth-03")] == [
        reports[3].report_id,
        reports[2].report_id,
    ]


def test_booths_see_nothing_and_strangers_neither(site: SimpleNamespace) -> None:
    for method, path in (
        ("GET", "/selfchecks"),
        ("POST", "/selfchecks"),
        ("GET", "/selfcheck-incidents"),
        ("GET", "/booths/booth-03/selfchecks"),
        ("GET", f"/booths/booth-03/selfchecks/{uuid4()}"),
        ("GET", f"/booths/booth-03/selfchecks/{uuid4()}/paper"),
        ("GET", f"/booths/booth-03/selfchecks/{uuid4()}/seal"),
        ("DELETE", "/booths/booth-03/selfcheck-key"),
    ):
        headers = {"Authorization": f"Bearer {site.tokens.booths['booth-03']}"}
        assert requests.request(method, f"{site.url}/v1{path}", headers=headers, timeout=20).status_code == 401
    report = a_report(GOOD)
    assert refused(site.two.selfcheck, report.report_id, hand_in(report)) == 422


def an_empty_report() -> ReportRequest:
    return ReportRequest(boot_id=uuid4(), sent_at=MORNING, state="idle", version="1")


def test_all_booths_are_asked_once(site: SimpleNamespace) -> None:
    wanted = CheckupOrder(order_id=uuid4())
    for _ in range(2):
        assert site.admin.order_selfchecks(wanted).booths == list(BOOTHS)
    for client in (site.two, site.three):
        [command] = client.report(an_empty_report()).commands
        assert command.kind is CommandKind.SELF_CHECK


def test_the_command_line_lists_orders_fetches_and_verifies(
    site: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--site", site.url, "--token-file", str(site.token_file)]
    assert kiosk_config_main(["self-check", "list", *where]) == 1  # nobody reported
    good, bad = a_report(GOOD, booth="booth-02"), a_report(GOOD, BAD)
    site.two.selfcheck(good.report_id, hand_in(good, with_paper=False))
    assert kiosk_config_main(["self-check", "list", *where]) == 0
    site.three.selfcheck(bad.report_id, hand_in(bad))
    capsys.readouterr()
    assert kiosk_config_main(["self-check", "list", *where]) == 1
    assert f"✗ booth-03  不正常  2026-06-02 07:50  {bad.report_id}" in capsys.readouterr().out
    assert kiosk_config_main(["self-check", "order", *where, "--booth", "booth-03"]) == 0
    assert "booth-03" in capsys.readouterr().out
    fetch = ["self-check", "fetch", "booth-03", str(bad.report_id), *where, "--folder", str(site.folder)]
    assert kiosk_config_main(fetch) == 0
    file = site.folder / f"{bad.report_id}.jws"
    assert CheckupReport.model_validate_json(file.with_suffix(".json").read_text()) == bad
    verify = ["self-check", "verify", str(file)]
    assert kiosk_config_main(verify) == 0
    assert thumbprint_of(KEY.public_key()) in capsys.readouterr().out
    assert kiosk_config_main([*verify, "--thumbprint", thumbprint_of(OTHER.public_key())]) == 1
    file.with_suffix(".pdf").write_bytes(PDF + b"tampered")
    assert kiosk_config_main(verify) == 1
    assert "the paper was changed" in capsys.readouterr().err
    file.with_suffix(".pdf").write_bytes(PDF)
    file.write_text(file.read_text().replace(".", ".A", 1))
    assert kiosk_config_main(verify) == 1
    assert kiosk_config_main(["self-check", "verify", str(site.folder / "nothing.jws")]) == 2
    assert kiosk_config_main(["self-check", "list", "--site", "http://127.0.0.1:9", *where[2:]]) == 2


def test_a_booths_store_empties_into_the_site(site: SimpleNamespace) -> None:
    store = CheckupStore(site.folder / "booth")
    reports = [a_report(GOOD, at=MORNING + timedelta(days=day)) for day in range(3)]
    for report in reports:
        token = sign_report(report, KEY)
        store.keep(token, a_paper(token, KEY))
    while (waiting := store.oldest_unsent()) is not None:
        site.three.selfcheck(*waiting)
        site.three.selfcheck(*waiting)
        store.acknowledge(waiting[0])
    rows = site.admin.selfchecks("booth-03")
    assert [row.report_id for row in reversed(rows)] == [report.report_id for report in reports]
