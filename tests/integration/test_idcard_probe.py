"""``kiosk-config idcard probe`` beside a serial SAM and a real pcscd: what it finds and prints, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pcscd import READER_NAME, PcscdService, free_port_pair
from drivers.simulated.people import PERSON_A
from drivers.simulated.sam import SamEmulator
from drivers.simulated.sam_serial import SerialSam
from drivers.simulated.vpcd import Shown, VpcdCard
from kiosk_config.loader import load

# The probe looks at every reader of the machine, so no other test's service may run beside it.
pytestmark = pytest.mark.pcscd

LIMIT_S = 60.0
SAM_ID = "05.03-20231128-0001234567-0987654321"


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState(card="person-a"))
    return bench


@pytest.fixture
def port(tmp_path: Path, bench: BenchFile) -> Iterator[Path]:
    port = tmp_path / "ttySAM"
    yield from running(SerialSam(BenchFile(bench.path), SamEmulator(), port), port)


@pytest.fixture
def reader(bench: BenchFile) -> Iterator[str]:
    vpcd_port = free_port_pair()
    with PcscdService(vpcd_port):
        yield from running(VpcdCard(BenchFile(bench.path), SamEmulator(), vpcd_port), READER_NAME)


@pytest.fixture
def plain_reader(bench: BenchFile) -> Iterator[str]:
    vpcd_port = free_port_pair()
    with PcscdService(vpcd_port):
        card = VpcdCard(BenchFile(bench.path), SamEmulator(), vpcd_port, shown=Shown.BARE)
        yield from running(card, READER_NAME)


def running(device: Any, found_as: Any) -> Iterator[Any]:
    lifeline, held = os.pipe()
    thread = threading.Thread(target=device.run, args=(lifeline,))
    thread.start()
    yield found_as
    os.close(held)
    thread.join(10)
    os.close(lifeline)
    assert not thread.is_alive()


def config(tmp_path: Path, **reader: Any) -> Path:
    path = tmp_path / "booth.toml"
    raw = {"schema_version": 1, "mode": "drill", "place": {"booth_id": "drill-01"}, "reader": reader}
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    load(path)
    return path


def probe(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kiosk_config", "idcard", "probe", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def findings(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = probe("--json", *arguments)
    assert result.returncode == code, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def assert_masked(text: str) -> None:
    for personal in (PERSON_A.name, PERSON_A.number, PERSON_A.address):
        assert personal not in text


def test_the_configured_serial_reader_is_found_and_reads_a_card(tmp_path: Path, port: Path) -> None:
    found = findings("--config", config(tmp_path, driver="serial", serial={"port": str(port)}), "--timeout", 20)
    assert found["used"]["settings"] == {"driver": "serial"}
    assert found["used"]["sam_id"] == SAM_ID
    assert found["used"]["opened_ms"] > 0
    card = found["card"]
    assert (card["card_type"], card["id_number"], card["valid_until"]) == (
        "resident",
        "4115****2002"[:8] + PERSON_A.number[-4:],
        "长期",
    )
    assert card["photo"].startswith("opened, 102x126")
    assert_masked(json.dumps(found, ensure_ascii=False))


def test_a_serial_port_is_tried_only_when_named(tmp_path: Path, port: Path) -> None:
    path = config(tmp_path, driver="pcsc", name_pattern="^no such reader$")
    # Whether a PC/SC reader is there, and so the status, depends on the tests before this one.
    found = json.loads(probe("--json", "--config", path, "--timeout", 0).stdout)
    assert "serial" not in [way["settings"]["driver"] for way in found["ways"]]
    found = findings("--config", path, "--serial-port", port, "--timeout", 0)
    [serial] = [way for way in found["ways"] if way["settings"]["driver"] == "serial"]
    assert serial["settings"] == {"driver": "serial", "serial": {"port": str(port)}}
    assert serial["state"] == "ready"
    assert found["card"] is None


def test_a_pcsc_reader_is_found_and_the_lines_printed_are_a_configuration(
    tmp_path: Path, bench: BenchFile, reader: str
) -> None:
    result = probe("--config", config(tmp_path, driver="usb"), "--timeout", 30)
    assert result.returncode == 0, result.stdout + result.stderr
    assert reader in result.stdout
    assert_masked(result.stdout + result.stderr)
    lines = result.stdout[result.stdout.index("[reader]") :]
    path = tmp_path / "found.toml"
    path.write_text('schema_version = 1\nmode = "drill"\nplace.booth_id = "a"\n' + lines, encoding="utf-8")
    found = load(path).reader
    assert found.driver == "pcsc"
    assert found.name_pattern == f"^{reader.replace(' ', chr(92) + ' ')}$"


def test_what_another_card_is_gets_said(tmp_path: Path, bench: BenchFile, reader: str) -> None:
    bench.change(card="bank")
    found = findings("--config", config(tmp_path, driver="pcsc"), "--timeout", 5, code=1)
    assert "E-105" in found["card_problem"]
    assert "bank" in found["card_problem"]


def test_a_plain_reader_sees_a_card_and_can_never_read_it(tmp_path: Path, plain_reader: str) -> None:
    own = config(tmp_path, driver="pcsc-uid", name_pattern=f"^{plain_reader}$")
    found = findings("--config", own, "--timeout", 4, code=1)
    [uid_only] = [way for way in found["ways"] if way["settings"]["driver"] == "pcsc-uid"]
    assert uid_only["detail"] == "a card that tells a chip number of 8 bytes; without a SAM it can never be read here"
    [raw] = [way for way in found["ways"] if (way["settings"]["driver"], way["name"]) == ("pcsc", plain_reader)]
    assert "reader has no SAM" in raw["detail"]
    assert found["card"] is None


def test_a_broken_configuration_is_told_in_full(tmp_path: Path) -> None:
    path = tmp_path / "booth.toml"
    path.write_text('schema_version = 1\nplace.booth_id = "A"\nreader.driver = "usbb"\n', encoding="utf-8")
    result = probe("--config", path)
    assert result.returncode == 1
    assert "place.booth_id" in result.stderr
    assert "reader.driver" in result.stderr
