"""``kiosk-config ups test``: a battery is tested on the spot, or by the kiosk that runs there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import tomli_w

from drivers.simulated.bench import BenchFile
from drivers.simulated.child import free_port
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from kiosk_config.__main__ import main
from tests.integration.site_serving import serving
from workstation.health.battery_proofs import FILE_NAME, BatteryProofs
from workstation.site.client import SiteClient
from workstation.site.contract import CommandKind, ReportRequest
from workstation.site.server import tokens
from workstation.site.server.database import Database
from workstation.site.server.site import Site

UPS = {"id": "booth-ups", "feeds": ["booth"]}
BOOTH = "booth-03"


@pytest.fixture
def config(tmp_path: Path, allow_logs: Callable[[str], None]) -> Callable[..., str]:
    allow_logs("drivers.ups")

    def write(ups: dict[str, Any]) -> str:
        bench = BenchFile(tmp_path / "bench.json")
        bench.change(mains_on=True)
        document = {
            "schema_version": 1,
            "mode": "drill",
            "place": {"booth_id": BOOTH},
            "storage": {"data_dir": str(tmp_path)},
            "drill": {"bench_file": str(bench.path)},
            "ups": [UPS | ups],
        }
        file = tmp_path / "booth.toml"
        file.write_text(tomli_w.dumps(document))
        return str(file)

    return write


def test_a_battery_that_passes(config: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = config({"driver": "simulated", "poll_s": 1})
    assert main(["ups", "test", "booth-ups", "--config", file]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "result: passed" in out
    assert "DISCHRG" in out, "it is told as it goes"
    assert BatteryProofs(tmp_path / FILE_NAME).get("another") is None


def test_a_server_that_has_no_such_test(
    config: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with UpsdService(tmp_path) as upsd:
        file = config({"host": HOST, "port": upsd.port, "name": UPS_NAME})
        assert main(["ups", "test", "booth-ups", "--config", file]) == 2
    assert "no test: the UPS or its server refused: " in capsys.readouterr().err


def test_nobody_answers_and_nobody_is_configured(
    config: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = config({"host": HOST, "port": free_port()})
    assert main(["ups", "test", "booth-ups", "--config", file]) == 2
    assert "no test: the UPS does not answer: ECONNREFUSED (nobody listens there" in capsys.readouterr().err
    assert main(["ups", "test", "another", "--config", file]) == 2
    assert "no [[ups]] of this id is configured" in capsys.readouterr().err


def test_the_kiosk_of_a_booth_is_asked_by_the_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database(f"sqlite:///{tmp_path / 'site.db'}")
    site = Site(database=database, tokens=tokens.load_or_create(tmp_path, BOOTH))
    site.enrol()
    token_file = tmp_path / "token"
    token_file.write_text(site.tokens.admin)
    with serving(site) as url, closing(SiteClient(url, BOOTH, site.tokens.booths[BOOTH], timeout_s=10)) as booth:
        order = ["ups", "test", "booth-ups", "--site", url, "--booth", BOOTH, "--token-file", str(token_file)]
        assert main(order) == 0
        token_file.write_text("wrong")
        assert main(order) == 2
        assert main(order[:5]) == 2
        report = ReportRequest(boot_id=uuid4(), sent_at=datetime.now(UTC), state="idle", version="1")
        waiting = booth.report(report).commands
    assert [(command.kind, command.text) for command in waiting] == [(CommandKind.UPS_TEST, "booth-ups")]
    assert "HTTP 401" in capsys.readouterr().err
    database.close()
