"""The booth's packs: never an older one, never another's, and whole whatever happens while they are written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig
from kiosk_config.pack import durable
from kiosk_config.pack.refusal import PackRefusedError, Refusal
from kiosk_config.pack.signing import Ed25519Signer, Ed25519Verifier, digest
from kiosk_config.pack.store import PackStore
from tests.packs import NOW, OTHER_KEY, TRUSTED, VERIFIER, token
from workstation.evaluation.packs import make_packs

LATER = NOW + timedelta(hours=1)
HTTP = {"origins": [{"origin": "http://127.0.0.1:8000"}], "arrived": {"origin": "http://127.0.0.1:8000"}}
HTTP |= {"launch": {"kind": "ticket-get", "url": "http://127.0.0.1:8000/"}, "signed_out": None, "media": [], "pins": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "packs"


def store(folder: Path, *, now: datetime = NOW, site_id: str = "shihe", is_drill: bool = False) -> PackStore:
    return PackStore(folder, VERIFIER, site_id=site_id, is_drill=is_drill, clock=lambda: now)


def refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(PackRefusedError) as caught:
        call()
    assert caught.value.detail
    return caught.value.refusal


def test_what_is_installed_is_there_after_a_restart(folder: Path) -> None:
    assert store(folder).main_site_ids() == []
    installed = store(folder).install(token() + "\n")
    again = store(folder)
    assert again.get("zz") == installed
    assert again.main_site_ids() == ["zz"]
    assert again.digest_of("zz") == digest(token())
    assert again.digest_of("other") is None
    assert refusal(lambda: again.get("other")) is Refusal.MISSING
    assert refusal(lambda: again.get("../zz")) is Refusal.MISSING


def test_only_the_owner_may_look(folder: Path) -> None:
    store(folder).install(token())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_newer_one_takes_the_place_and_an_older_one_does_not(folder: Path) -> None:
    packs = store(folder)
    packs.install(token())
    packs.install(token(serial=9))
    assert refusal(lambda: packs.install(token(serial=8))) is Refusal.OLDER
    assert packs.get("zz").serial == 9
    assert store(folder).get("zz").serial == 9


def test_the_same_again_is_good_and_the_same_serial_with_other_content_is_not(folder: Path) -> None:
    packs = store(folder)
    packs.install(token())
    packs.install(token())
    assert refusal(lambda: packs.install(token(name="B"))) is Refusal.SERIAL_REUSED
    assert packs.get("zz").name != "B"


def test_no_deletion_and_no_restart_takes_the_newest_serial_back(folder: Path) -> None:
    store(folder).install(token(serial=9))
    (folder / "zz.pack").unlink()
    assert refusal(lambda: store(folder).get("zz")) is Refusal.MISSING
    assert refusal(lambda: store(folder).install(token(serial=8))) is Refusal.OLDER
    assert refusal(lambda: store(folder).install(token(serial=9, name="B"))) is Refusal.SERIAL_REUSED
    assert store(folder).install(token(serial=9)).serial == 9


def test_an_older_file_put_back_by_hand_is_refused(folder: Path) -> None:
    packs = store(folder)
    packs.install(token())
    packs.install(token(serial=9))
    (folder / "zz.pack").write_text(token())
    assert refusal(lambda: packs.get("zz")) is Refusal.OLDER
    (folder / "zz.pack").write_text(token(serial=9, name="B"))
    assert refusal(lambda: packs.get("zz")) is Refusal.SERIAL_REUSED


def test_another_main_sites_file_under_this_name_is_refused(folder: Path) -> None:
    packs = store(folder)
    packs.install(token())
    packs.install(token(main_site_id="kf"))
    (folder / "zz.pack").write_bytes((folder / "kf.pack").read_bytes())
    assert refusal(lambda: packs.get("zz")) is Refusal.UNREADABLE
    assert packs.get("kf").main_site_id == "kf"


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {"site_id": "other"}, Refusal.FOREIGN),
        ({}, {"site_id": ""}, Refusal.FOREIGN),
        ({}, {"now": NOW - timedelta(days=2)}, Refusal.NOT_YET_VALID),
        ({}, {"now": NOW + timedelta(days=100)}, Refusal.EXPIRED),
        (HTTP, {}, Refusal.PLAIN_HTTP),
    ],
)
def test_what_may_not_be_used_here_is_not_installed(
    folder: Path, changes: dict[str, Any], settings: dict[str, Any], reason: Refusal
) -> None:
    packs = store(folder, **settings)
    assert refusal(lambda: packs.install(token(**changes))) is reason
    assert not folder.exists()


def test_plain_http_is_for_a_drill(folder: Path) -> None:
    packs = store(folder, is_drill=True)
    packs.install(token(**HTTP))
    assert packs.get("zz").needs_drill
    assert refusal(lambda: store(folder).get("zz")) is Refusal.PLAIN_HTTP


def test_a_pack_for_everybody_is_for_a_site_without_a_name(folder: Path) -> None:
    assert store(folder, site_id="").install(token(audience=[])).audience == ()


def test_time_goes_on_after_the_installation(folder: Path) -> None:
    packs = store(folder)
    packs.install(token())
    assert packs.get("zz", NOW + timedelta(days=99)).serial == 7
    assert refusal(lambda: packs.get("zz", NOW + timedelta(days=100))) is Refusal.EXPIRED
    assert refusal(lambda: packs.get("zz", NOW - timedelta(days=2))) is Refusal.NOT_YET_VALID


def test_a_key_that_is_no_longer_trusted_ends_its_packs(folder: Path) -> None:
    store(folder).install(token())
    without = PackStore(folder, Ed25519Verifier([]), site_id="shihe", is_drill=False, clock=lambda: NOW)
    assert refusal(lambda: without.get("zz")) is Refusal.UNKNOWN_KEY
    assert refusal(lambda: store(folder).install(token(Ed25519Signer(OTHER_KEY), serial=8))) is Refusal.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"", Refusal.MALFORMED),
        (b"\xff\x00", Refusal.UNREADABLE),
        (token().encode()[:-6], Refusal.ALTERED),
        (b"A" * ((1 << 20) + 1), Refusal.TOO_LARGE),
    ],
)
def test_a_damaged_file_is_refused_and_stops_no_other(folder: Path, damage: bytes, reason: Refusal) -> None:
    packs = store(folder)
    packs.install(token())
    packs.install(token(main_site_id="kf"))
    (folder / "zz.pack").write_bytes(damage)
    assert refusal(lambda: packs.get("zz")) is reason
    assert packs.get("kf").serial == 7
    assert packs.digest_of("zz") != digest(token()), "the next synchronisation fetches it again"
    packs.install(token())
    assert packs.get("zz").serial == 7


def test_a_folder_where_a_pack_should_be(folder: Path) -> None:
    packs = store(folder)
    packs.install(token(main_site_id="kf"))
    (folder / "zz.pack").mkdir()
    assert refusal(lambda: packs.get("zz")) is Refusal.UNREADABLE
    assert packs.digest_of("zz") is None
    assert packs.get("kf").serial == 7


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"serial":"9","sha256":""}', b"[" * 2000])
def test_a_damaged_serial_lets_nothing_pass_until_somebody_looks(folder: Path, damage: bytes) -> None:
    packs = store(folder)
    packs.install(token())
    (folder / "zz.seen").write_bytes(damage)
    assert refusal(lambda: packs.get("zz")) in {Refusal.UNREADABLE, Refusal.TOO_LARGE}
    assert refusal(lambda: packs.install(token(serial=8))) in {Refusal.UNREADABLE, Refusal.TOO_LARGE}
    (folder / "zz.seen").unlink()
    assert packs.install(token(serial=8)).serial == 8


class PowerCutError(BaseException):
    """Nothing after this happens: no handler of an error runs as it would on a living machine."""


class Power:
    """Counts every step that reaches the disk, and cuts before one of them; half of a write still gets there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cut_before: int) -> None:
        self.steps = 0
        self._cut_before = cut_before
        real_replace, real_unlink, real_open = Path.replace, Path.unlink, os.fdopen
        monkeypatch.setattr(Path, "replace", lambda path, target: self._step(lambda: real_replace(path, target)))
        monkeypatch.setattr(Path, "unlink", lambda path, **how: self._step(lambda: real_unlink(path, **how)))
        for name in ("fsync", "fchown"):
            monkeypatch.setattr(durable.os, name, self._counted(getattr(os, name)))
        power = self

        def fdopen(descriptor: int, mode: str) -> Any:
            file = real_open(descriptor, mode, buffering=0)

            class Half:
                def __enter__(self) -> Any:
                    return self

                def __exit__(self, *_: object) -> None:
                    file.close()

                def write(self, data: bytes) -> None:
                    file.write(data[: len(data) // 2])
                    power._step(lambda: file.write(data[len(data) // 2 :]))

                def __getattr__(self, name: str) -> Any:
                    return getattr(file, name)

            return Half()

        monkeypatch.setattr(durable.os, "fdopen", fdopen)

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: self._step(lambda: real(*arguments))

    def _step(self, do: Callable[[], Any]) -> Any:
        if self.steps == self._cut_before:
            raise PowerCutError
        self.steps += 1
        return do()


def steps_of_an_installation(folder: Path, monkeypatch: pytest.MonkeyPatch, cut_before: int) -> int | None:
    """Install serial 9 and cut before a step; return how many steps there were when none was cut."""
    with monkeypatch.context() as patch:
        power = Power(patch, cut_before)
        try:
            store(folder).install(token(serial=9))
        except PowerCutError:
            return None
        return power.steps


def test_a_power_cut_before_any_step_leaves_the_old_pack_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    for cut_before in range(100):
        folder = tmp_path / str(cut_before)
        store(folder).install(token())
        steps = steps_of_an_installation(folder, monkeypatch, cut_before)
        after = store(folder)
        seen.append(after.get("zz").serial)
        if seen[-1] == 9:  # the old one is over, even where the cut came before the serial was noted
            assert refusal(lambda now=after: now.install(token(serial=8))) is Refusal.OLDER
        after.install(token(serial=10))
        assert store(folder).get("zz").serial == 10
        assert list(folder.glob(".draft-*")) == [], "half-written files are cleared away"
        if steps is not None:
            break
    assert steps is not None
    assert steps >= 8
    assert seen == sorted(seen), "once the new one is there it stays"
    assert set(seen) == {7, 9}


def test_a_power_cut_at_the_first_installation_leaves_nothing_or_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cut_before in range(100):
        folder = tmp_path / str(cut_before)
        steps = steps_of_an_installation(folder, monkeypatch, cut_before)
        if store(folder).main_site_ids():
            assert store(folder).get("zz").serial == 9
        store(folder).install(token(serial=9))
        assert store(folder).get("zz").serial == 9
        if steps is not None:
            return
    pytest.fail("no installation came to its end")


def test_a_full_disk_leaves_the_old_pack_and_no_draft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = store(folder)
    packs.install(token())

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            packs.install(token(serial=9))
    assert packs.get("zz").serial == 7
    assert list(folder.glob(".draft-*")) == []


def test_a_killed_process_lets_go_of_the_lock(folder: Path) -> None:
    store(folder).install(token())
    hold = (
        "import pathlib, sys; from kiosk_config.pack.durable import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])):\n print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", hold, str(folder / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.kill()
    assert store(folder).install(token(serial=8)).serial == 8


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_installs_belongs_to_whoever_owns_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 1234, 1234)
    store(data / "packs").install(token())
    assert {(path.stat().st_uid, path.stat().st_gid) for path in [data / "packs", *(data / "packs").iterdir()]} == {
        (1234, 1234)
    }


def test_the_booth_says_it_in_its_codes(tmp_path: Path) -> None:
    document = {
        "schema_version": 1,
        "place": {"booth_id": "booth-03"},
        "main_site": {"pack_keys": [TRUSTED], "site_id": "shihe"},
        "storage": {"data_dir": str(tmp_path)},
    }
    packs = make_packs(BoothConfig.model_validate(document))
    with pytest.raises(KioskError) as caught:
        packs.get("zz", NOW)
    assert caught.value.code is ErrorCode.COMPONENT_MISSING
    assert caught.value.context["reason"] == "missing"
    store(tmp_path / "packs").install(token())
    assert packs.get("zz", NOW).serial == 7
