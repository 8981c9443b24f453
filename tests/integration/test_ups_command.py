"""``kiosk-config ups list`` against real servers: what IT reads when a UPS is connected, or is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from drivers.simulated.child import free_port
from drivers.simulated.snmpd import READ_COMMUNITY, SnmpdService
from drivers.simulated.upsd import HOST, PASSWORD, UPS_NAME, USERNAME, UpsdService
from kiosk_config.__main__ import main


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("upsd")) as service:
        yield service


@pytest.fixture
def listing(tmp_path: Path, capsys: pytest.CaptureFixture[str], allow_logs: Callable[[str], None]) -> Any:
    allow_logs("drivers.ups")

    def run(*upses: dict[str, Any]) -> tuple[int, str, str]:
        file = tmp_path / "booth.toml"
        document = {"schema_version": 1, "mode": "drill", "place": {"booth_id": "booth-03"}, "ups": list(upses)}
        file.write_text(tomli_w.dumps(document))
        code = main(["ups", "list", "--config", str(file)])
        return code, *capsys.readouterr()

    return run


def secret(folder: Path, text: str) -> str:
    file = folder / "secret"
    file.write_text(text)
    return str(file)


def test_the_upses_of_a_server(upsd: UpsdService, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ups", "list", f"{HOST}:{upsd.port}"]) == 0
    assert capsys.readouterr().out == f"{UPS_NAME}: simulated UPS of the drill bench\n"


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ups", "list", f"{HOST}:{free_port()}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "ECONNREFUSED (nobody listens there" in err


def test_a_good_one_and_one_without_its_password(upsd: UpsdService, listing: Any, tmp_path: Path) -> None:
    good = {"id": "booth-ups", "feeds": ["booth", "switch"], "host": HOST, "port": upsd.port, "name": UPS_NAME}
    wrong = good | {"id": "room", "username": USERNAME, "password_file": str(tmp_path / "none")}
    code, out, err = listing(good, wrong)
    assert code == 1
    assert "booth-ups (feeds booth, switch): OL\n" in out
    assert "  runtime by its own estimate: 252 min\n" in out
    assert "room (feeds booth, switch): unknown: none: ENOENT (the file is not there)" in out
    assert err == ""
    assert listing(good)[0] == 0
    code, out, _ = listing(good | {"username": USERNAME, "password_file": secret(tmp_path, PASSWORD)})
    assert code == 0
    assert PASSWORD not in out


def test_a_name_that_upsd_does_not_have(upsd: UpsdService, listing: Any) -> None:
    code, out, _ = listing({"id": "a", "feeds": ["room"], "host": HOST, "port": upsd.port, "name": "another"})
    assert code == 1
    assert "UNKNOWN-UPS (upsd has no UPS of this name" in out


def test_an_snmp_card(listing: Any, tmp_path: Path) -> None:
    folder = tmp_path / "snmpd"
    folder.mkdir()
    with SnmpdService(folder) as card:
        community = secret(tmp_path, f"{READ_COMMUNITY}\n")
        code, out, _ = listing(
            {
                "id": "room",
                "feeds": ["room"],
                "driver": "snmp",
                "host": HOST,
                "port": card.port,
                "community_file": community,
            }
        )
    assert code == 0
    assert "  power: 132 W\n" in out


def test_nothing_configured(listing: Any) -> None:
    code, out, err = listing()
    assert (code, out) == (1, "")
    assert "未接入监测" in err
