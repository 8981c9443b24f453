"""The servers as processes: start, the line that says where, TLS, the end, and what cannot start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, update

import workstation
from drivers.errors import ErrorCode, KioskError
from workstation.site.client import SiteClient
from workstation.site.contract import ReviewRequest
from workstation.site.embedded import EmbeddedSite, ServerProcess
from workstation.site.server.__main__ import main
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.listener import Listener
from workstation.site.server.models import ReviewCase
from workstation.site.server.reviews import KEPT
from workstation.site.server.tokens import FILE_NAME, load_or_create
from workstation.spawn import module_command

ROOT = Path(workstation.__file__).parents[1]
MARKER = b"-face-of-an-expert-"


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_embedded_site_serves_its_booth_and_keeps_its_data(tmp_path):
    with EmbeddedSite(tmp_path, "booth-01") as site:
        assert site.is_running
        client = SiteClient(site.base_url, "booth-01", site.tokens.booths["booth-01"], timeout_s=10)
        key = client.booth().arrival_key
        client.close()
    assert not site.is_running
    site.stop()
    with EmbeddedSite(tmp_path, "booth-01", "booth-02") as site:
        for booth in ("booth-01", "booth-02"):
            client = SiteClient(site.base_url, booth, site.tokens.booths[booth], timeout_s=10)
            assert client.booth().arrival_key == key
            client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("end", ["SIGTERM", "stdin"])
def test_the_process_ends_when_told(tmp_path, end):
    command = module_command("workstation.site.server", "--data", str(tmp_path), "--port", "0")
    command += ["--end-with-stdin"] if end == "stdin" else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    line = json.loads(process.stdout.readline())
    assert line["listening"].startswith("http://127.0.0.1:")
    if end == "stdin":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) in {0, -signal.SIGTERM}
    assert process.stdout.read() == b""
    process.stdout.close()
    process.stdin.close()


def test_over_tls_with_the_sites_own_authority(tmp_path):
    openssl = shutil.which("openssl")
    assert openssl
    certificate, key = tmp_path / "site.pem", tmp_path / "site.key"
    subject = ["-subj", "/CN=site", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        [openssl, "req", "-x509", *curve, *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    tokens = load_or_create(tmp_path, "booth-01")
    arguments = ["--data", str(tmp_path), "--tls-certificate", str(certificate), "--tls-key", str(key)]
    with ServerProcess("workstation.site.server", *arguments) as server:
        assert server.base_url.startswith("https://")
        options = {"timeout_s": 10}
        trusting = SiteClient(
            server.base_url, "booth-01", tokens.booths["booth-01"], ca_file=str(certificate), **options
        )
        assert trusting.booth().booth_id == "booth-01"
        trusting.close()
        stranger = SiteClient(server.base_url, "booth-01", tokens.booths["booth-01"], **options)
        with pytest.raises(KioskError) as caught:
            stranger.booth()
        assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
        stranger.close()


def test_a_server_that_cannot_start_is_a_typed_error(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(KioskError) as caught:
        ServerProcess("workstation.site.server", "--data", str(tmp_path / "taken"))
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    (tmp_path / FILE_NAME).write_text('{"admin": "short"}')
    with pytest.raises(KioskError):
        EmbeddedSite(tmp_path, "booth-01")


def test_the_command_line_says_why_it_cannot_start(tmp_path, capsys):
    (tmp_path / FILE_NAME).write_text('{"admin": "verysecret"}')
    assert main(["--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "admin" in said
    assert "verysecret" not in said
    (tmp_path / FILE_NAME).unlink()
    assert main(["--data", str(tmp_path), "--database", "nonsense"]) == 2
    assert main(["--data", str(tmp_path), "--host", "192.0.2.1"]) == 2
    assert "certificate" in capsys.readouterr().err


def test_in_the_clear_only_on_loopback():
    with pytest.raises(ValueError, match="certificate"):
        Listener(host="192.0.2.1", port=0).serve(lambda *_: None)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_tokens_are_made_once_and_only_the_owner_reads_them(tmp_path):
    first = load_or_create(tmp_path, "booth-01")
    again = load_or_create(tmp_path, "booth-01", "booth-02")
    assert first.admin == again.admin
    assert first.booths["booth-01"] == again.booths["booth-01"]
    assert len({first.admin, first.main_site, first.ticket_key, *again.booths.values()}) == 5
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert first.admin not in repr(first)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def review(client: SiteClient) -> ReviewRequest:
    info = client.booth()
    return ReviewRequest(
        attempt=1,
        code="E-205",
        may_repeat=True,
        key_id=info.key_id,
        expert_hash="0" * 64,
        live_photo=b64encode(b"\xff\xd8\xff" + MARKER * 1000),
    )


@pytest.mark.parametrize("allowed", [False, True], ids=["a booth's own server", "the drill's"])
def test_the_server_of_a_booth_keeps_no_pictures_of_reviews(tmp_path, allowed):
    arguments = {"review_pictures": True} if allowed else {}
    with EmbeddedSite(tmp_path, "booth-01", **arguments) as site:
        client = SiteClient(site.base_url, "booth-01", site.tokens.booths["booth-01"], timeout_s=10)
        assert client.review(uuid4(), review(client)) is allowed
        client.close()
        files = [file.read_bytes() for file in tmp_path.iterdir() if file.is_file()]
    assert files
    assert any(MARKER in content for content in files) is allowed


def test_an_old_review_is_forgotten_even_where_nobody_calls(tmp_path):
    with EmbeddedSite(tmp_path, "booth-01", review_pictures=True) as site:
        client = SiteClient(site.base_url, "booth-01", site.tokens.booths["booth-01"], timeout_s=10)
        client.review(uuid4(), review(client))
        client.close()
    database = Database(sqlite_url(tmp_path))
    yesterday = datetime.now(UTC) - KEPT
    database.run(lambda session: session.execute(update(ReviewCase).values(opened_at=yesterday)))
    try:
        with EmbeddedSite(tmp_path, "booth-01", review_pictures=True):
            deadline = time.monotonic() + 20
            while database.run(lambda session: session.scalar(select(ReviewCase.session_id))):
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        database.close()
