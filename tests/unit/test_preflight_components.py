"""Components of a main site on this booth: there, altered, missing, and a package that is too old."""

from __future__ import annotations

import hashlib
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk_config.pack.model import Component, MainSitePack, OriginRule, PageMark, TicketGet
from workstation.preflight import components
from workstation.preflight.components import check_components
from workstation.preflight.findings import Reason
from workstation.site.preflight import PreflightKind, PreflightVerdict

CONTENT = b"driver"
GOOD = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    path = tmp_path / "driver.so"
    path.write_bytes(CONTENT)
    return path


def check(path: Path, sha256: str = GOOD, **changes: str) -> tuple[PreflightVerdict, str]:
    now = datetime.now(UTC)
    pack = MainSitePack(
        main_site_id="test",
        name="test",
        serial=1,
        issued_at=now,
        valid_until=now + timedelta(days=1),
        origins=(OriginRule(origin="https://main.example"),),
        launch=TicketGet(url="https://main.example/"),
        arrived=PageMark(origin="https://main.example"),
        components=(Component(name="驱动", path=str(path), sha256=sha256, **changes),),
    )
    [found] = check_components(pack)
    assert (found.kind, found.subject) == (PreflightKind.COMPONENT, "驱动")
    assert bool(found.fix) == (found.verdict is PreflightVerdict.FAIL)
    return found.verdict, found.reason


def test_a_component_that_is_there_passes(driver):
    assert check(driver) == (PreflightVerdict.PASS, Reason.GOOD)


def test_an_altered_one_fails_even_when_size_and_modification_time_are_the_same(driver):
    before = driver.stat()
    assert check(driver)[0] is PreflightVerdict.PASS
    driver.write_bytes(b"DRIVER")
    os.utime(driver, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (driver.stat().st_size, driver.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert check(driver) == (PreflightVerdict.FAIL, Reason.FILE_ALTERED)


def test_what_did_not_change_is_digested_once(driver, monkeypatch):
    assert check(driver)[0] is PreflightVerdict.PASS

    def never(*_args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(hashlib, "file_digest", never)
    assert check(driver)[0] is PreflightVerdict.PASS


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, Reason.FILE_MISSING),
        (lambda path: path.mkdir(), Reason.UNREADABLE),
        (os.mkfifo, Reason.UNREADABLE),
        (lambda path: path.symlink_to("/no/such/file"), Reason.UNREADABLE),
    ],
    ids=["missing", "folder", "pipe", "dangling"],
)
def test_what_is_no_file_fails_and_holds_nobody(tmp_path, make, reason):
    path = tmp_path / "driver.so"
    make(path)
    assert check(path) == (PreflightVerdict.FAIL, reason)


def installed_version(package: str) -> str:
    command = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def test_packages_are_asked_of_dpkg(driver):
    version = installed_version("dpkg")
    assert check(driver, package="dpkg")[0] is PreflightVerdict.PASS
    assert check(driver, package="dpkg", minimum="1.0")[0] is PreflightVerdict.PASS
    assert check(driver, package="dpkg", minimum=version)[0] is PreflightVerdict.PASS
    assert check(driver, package="dpkg", minimum="999:1") == (PreflightVerdict.FAIL, Reason.PACKAGE_OLD)
    assert check(driver, package="no-such-package-here") == (PreflightVerdict.FAIL, Reason.PACKAGE_MISSING)
    # ~ sorts before the end in Debian's order: 999~1 is newer than what is here, 0~ is older than everything.
    assert check(driver, package="dpkg", minimum="0~~")[0] is PreflightVerdict.PASS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(), Reason.NO_PACKAGES),
        (subprocess.TimeoutExpired("dpkg-query", 1), Reason.TIMED_OUT),
    ],
)
def test_packages_that_cannot_be_asked_for_are_not_good(driver, monkeypatch, error, reason):
    def run(*_args: object, **_facts: object) -> None:
        raise error

    monkeypatch.setattr(components.subprocess, "run", run)
    assert check(driver, package="dpkg") == (PreflightVerdict.FAIL, reason)
