"""``kiosk-config pack preflight`` as an administrator types it: exit codes, words, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk_config.__main__ import main
from kiosk_config.pack.keys import key_text
from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet
from kiosk_config.pack.signing import Ed25519Signer, sign_pack
from tests.integration.tls_sites import Server, page


@pytest.fixture
def pack(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A signed pack of a main site that answers everything."""

    def answer(connection) -> None:
        connection.recv(65536)
        page(body="<title>x</title>welcome")(connection)

    server = Server(answer, None)
    origin = f"http://127.0.0.1:{server.port}"
    now = datetime.now(UTC)
    key = Ed25519PrivateKey.generate()

    def write(**changes: object) -> Path:
        made = MainSitePack.model_validate({
            "main_site_id": "xinyang", "name": "信阳市", "serial": 5,
            "issued_at": now - timedelta(days=1), "valid_until": now + timedelta(days=100),
            "origins": (OriginRule(origin=origin),), "launch": TicketGet(url=f"{origin}/enter"),
            "arrived": PageMark(origin=origin), **changes,
        })  # fmt: skip
        file = tmp_path / "xinyang.pack"
        file.write_text(sign_pack(made, Ed25519Signer(key)), encoding="ascii")
        return file

    yield SimpleNamespace(write=write, key=key_text(key.public_key()), folder=tmp_path)
    server.stop()


def run(pack: SimpleNamespace, file: Path, *more: str) -> int:
    return main(["pack", "preflight", str(file), "--keys", pack.key, "--drill", *more])


def test_a_good_main_site_passes_and_leaves_its_papers(pack, capsys):
    paper, findings = pack.folder / "out.pdf", pack.folder / "out.json"
    assert run(pack, pack.write(), "--booth", "03 号工位", "--report", str(paper), "--json", str(findings)) == 0
    printed = capsys.readouterr().out
    assert "主场预检：信阳市（xinyang，序号 5）" in printed
    assert "03 号工位" in printed
    assert "结论：通过" in printed
    assert paper.read_bytes().startswith(b"%PDF")
    report = json.loads(findings.read_text(encoding="utf-8"))
    assert (report["verdict"], report["serial"]) == ("pass", 5)


def test_what_fails_tomorrow_is_said_today(pack, capsys):
    tomorrow = (datetime.now(UTC) + timedelta(days=101)).isoformat()
    assert run(pack, pack.write(), "--now", tomorrow) == 1
    printed = capsys.readouterr().out
    assert "结论：不通过" in printed
    assert "请重新签发环境包" in printed


def test_another_sub_sites_pack_fails(pack, capsys):
    file = pack.write(audience=("luohe",))
    assert run(pack, file, "--site-id", "zhumadian") == 1
    assert "不是给本副场的" in capsys.readouterr().out


def test_a_pack_that_nobody_trusted_signed_is_not_tried(pack, capsys):
    file = pack.write()
    other = key_text(Ed25519PrivateKey.generate().public_key())
    assert main(["pack", "preflight", str(file), "--keys", other]) == 1
    assert "unknown-key" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["/no/such/file"], ["/no/such/file", "--keys", "no key"]])
def test_what_cannot_be_tried_is_wrong_usage(arguments, capsys):
    assert main(["pack", "preflight", *arguments]) == 2
    assert capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["pack", "preflight", *arguments, "--now", "some day"])
    assert caught.value.code == 2
