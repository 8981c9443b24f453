"""``kiosk-config pack`` as an administrator uses it: from the key to the booth, and every way in which it says no."""

from __future__ import annotations

import getpass
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kiosk_config.__main__ import main
from kiosk_config.pack.key_file import KeyFileError, read_key_file
from kiosk_config.pack.signing import MAX_BYTES, unverified_pack
from tests.packs import OTHER_KEY, TRUSTED, token

OTHER = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
NEW = ("--id", "zz", "--name", "郑州市公共资源交易中心", "--origin", "https://pb.example.cn")


class Desk:
    """An administrator's folder, and the tool run in it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture
        self.key, self.source, self.pack = folder / "key.pem", folder / "zz.toml", folder / "zz.pack"
        self.booth = folder / "booth.toml"
        self.public = ""

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """Return what was said, on both ways out."""
        assert main(["pack", *map(str, arguments)]) == code
        said = self._capture.readouterr()
        assert "Traceback" not in said.err
        return said.out + said.err

    def make_key(self) -> str:
        assert main(["pack", "keygen", str(self.key)]) == 0
        self.public = self._capture.readouterr().out.strip()
        return self.public

    def sign(self) -> None:
        self.make_key()
        self.run("new", self.source, *NEW)
        self.run("sign", self.source, "--key", self.key)

    def set_up_booth(self, *keys: str) -> None:
        document = {
            "schema_version": 1,
            "place": {"booth_id": "booth-03"},
            "main_site": {"pack_keys": list(keys)},
            "storage": {"data_dir": str(self.folder / "data")},
        }
        self.booth.write_text(tomli_w.dumps(document), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    answers: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: answers.pop(0))
    yield answers
    assert answers == [], "not every answer was asked for"


def test_from_the_key_to_the_booth(desk: Desk) -> None:
    desk.sign()
    desk.set_up_booth(desk.public)
    said = desk.run("show", desk.pack, "--config", desk.booth)
    for words in (
        "郑州市公共资源交易中心 (zz)",
        "https://pb.example.cn",
        "ticket in the address",
        "signature:    holds",
    ):
        assert words in said
    assert "installed: 郑州市公共资源交易中心 (zz), serial 1" in desk.run("install", desk.pack, "--config", desk.booth)
    assert (desk.folder / "data" / "packs" / "zz.pack").read_text() == desk.pack.read_text()


def test_an_older_pack_is_not_installed_over_a_newer_one(desk: Desk) -> None:
    desk.sign()
    desk.set_up_booth(desk.public)
    text = desk.source.read_text(encoding="utf-8")
    desk.source.write_text(text.replace("serial = 1", "serial = 2"), encoding="utf-8")
    desk.run("sign", desk.source, "--key", desk.key, "--out", desk.folder / "two.pack")
    desk.run("install", desk.folder / "two.pack", "--config", desk.booth)
    assert "refused, older: serial 1 is older than 2" in desk.run("install", desk.pack, "--config", desk.booth, code=1)


def test_a_booth_that_trusts_another_key(desk: Desk) -> None:
    desk.sign()
    desk.set_up_booth(OTHER)
    assert "refused, unknown-key" in desk.run("install", desk.pack, "--config", desk.booth, code=1)
    assert not (desk.folder / "data").exists()
    said = desk.run("show", desk.pack, "--config", desk.booth, code=1)
    assert "DOES NOT HOLD" in said
    assert "signature:    holds" in desk.run("show", desk.pack, "--keys", OTHER, desk.public)


def test_a_changed_pack_shows_what_it_says_and_that_it_does_not_hold(desk: Desk) -> None:
    desk.sign()
    head, body, _ = desk.pack.read_text().split(".")
    desk.pack.write_text(f"{head}.{body}.{'A' * 86}")
    assert "DOES NOT HOLD: the signature does not fit" in desk.run("show", desk.pack, "--keys", desk.public, code=1)
    desk.pack.write_text(f"{head}.{body}.")
    assert "DOES NOT HOLD: is not signed" in desk.run("show", desk.pack, "--keys", desk.public, code=1)


def test_a_strangers_pack_does_not_steer_the_terminal(desk: Desk) -> None:
    desk.pack.write_text(token(name="A\x1b[2K\rsignature:    holds\n\u202eB"))
    said = desk.run("show", desk.pack, "--keys", OTHER, code=1)
    assert "DOES NOT HOLD" in said
    assert not {"\x1b", "\r", "\u202e"} & set(said)
    assert "\nsignature:    holds" not in said


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a.b", b"A" * (MAX_BYTES + 9)])
def test_what_is_no_pack(desk: Desk, content: bytes) -> None:
    desk.set_up_booth(TRUSTED)
    desk.pack.write_bytes(content)
    assert "refused, " in desk.run("show", desk.pack, "--keys", TRUSTED, code=1)
    assert "refused, " in desk.run("install", desk.pack, "--config", desk.booth, code=1)


def test_files_that_are_not_there(desk: Desk) -> None:
    assert "cannot be read" in desk.run("show", desk.pack, "--keys", TRUSTED, code=1)
    assert "cannot be read" in desk.run("check", desk.source, code=1)
    assert "cannot be read" in desk.run("sign", desk.source, "--key", desk.key, code=1)
    assert "1 problem(s)" in desk.run("install", desk.pack, "--config", desk.booth, code=1)
    desk.run("new", desk.source, *NEW)
    assert "key.pem: cannot be read" in desk.run("sign", desk.source, "--key", desk.key, code=1)


def test_a_key_that_is_none(desk: Desk) -> None:
    desk.sign()
    assert "--keys: must be " in desk.run("show", desk.pack, "--keys", "key", code=1)


def test_nothing_is_overwritten(desk: Desk) -> None:
    desk.sign()
    before = desk.key.read_bytes(), desk.source.read_bytes()
    assert "cannot be written: File exists" in desk.run("keygen", desk.key, code=1)
    assert "cannot be written: File exists" in desk.run("new", desk.source, *NEW, code=1)
    assert "would overwrite" in desk.run("sign", desk.source, "--key", desk.key, "--out", desk.source, code=1)
    assert before == (desk.key.read_bytes(), desk.source.read_bytes())


def test_a_description_with_problems_is_not_signed(desk: Desk) -> None:
    desk.make_key()
    desk.run("new", desk.source, *NEW)
    text = (
        desk.source.read_text(encoding="utf-8").replace("parameter =", "paramter =").replace("serial = 1", "serial = 0")
    )
    desk.source.write_text(text, encoding="utf-8")
    for command in (("check", desk.source), ("sign", desk.source, "--key", desk.key)):
        said = desk.run(*command, code=1)
        assert "launch.paramter: unknown setting (did you mean parameter?)" in said
        assert "serial: " in said
        assert "2 problem(s)" in said
    assert not desk.pack.exists()


def test_new_says_at_once_what_is_wrong_with_its_arguments(desk: Desk) -> None:
    said = desk.run("new", desk.source, "--id", "ZZ", "--name", "N", "--origin", "http://pb.example.cn", code=1)
    assert "main_site_id" in said
    assert "origins.0.origin" in said


def test_the_private_key_is_for_its_owner_alone(desk: Desk) -> None:
    desk.sign()
    assert stat.S_IMODE(desk.key.stat().st_mode) == 0o600
    assert desk.key.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    desk.key.chmod(0o640)
    assert "others may read it" in desk.run("sign", desk.source, "--key", desk.key, code=1)


def test_a_passphrase_protects_the_key(desk: Desk, typed: list[str]) -> None:
    typed += ["三思而后行", "三思而后行"]
    desk.run("keygen", desk.key, "--passphrase")
    assert desk.key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    desk.run("new", desk.source, *NEW)
    typed += ["三思而后行"]
    desk.run("sign", desk.source, "--key", desk.key)
    assert unverified_pack(desk.pack.read_text()).main_site_id == "zz"
    for wrong in ("another", ""):
        typed += [wrong]
        assert "the passphrase is wrong" in desk.run("sign", desk.source, "--key", desk.key, code=1)


def test_a_passphrase_must_be_one_and_typed_twice_alike(desk: Desk, typed: list[str]) -> None:
    typed += ["one", "two"]
    assert "differ" in desk.run("keygen", desk.key, "--passphrase", code=1)
    typed += [""]
    assert "empty" in desk.run("keygen", desk.key, "--passphrase", code=1)
    assert not desk.key.exists()


def test_another_kind_of_key(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    curve = generate_private_key(SECP256R1())
    file.touch(0o600)
    file.write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="no Ed25519 key"):
        read_key_file(file, str)
    file.write_bytes(OTHER_KEY.public_key().public_bytes_raw())
    with pytest.raises(KeyFileError, match="no private key"):
        read_key_file(file, str)


def test_a_place_that_cannot_be_written(desk: Desk) -> None:
    desk.sign()
    below_a_file = desk.source / "key.pem"
    assert "cannot be written" in desk.run("keygen", below_a_file, code=1)
    assert "cannot be written" in desk.run("new", below_a_file, *NEW, code=1)
    assert "cannot be written" in desk.run("sign", desk.source, "--key", desk.key, "--out", below_a_file, code=1)
    (desk.folder / "data").write_text("a file where a folder should be")
    desk.set_up_booth(desk.public)
    assert "cannot be written" in desk.run("install", desk.pack, "--config", desk.booth, code=1)
