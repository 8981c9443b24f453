"""Who is believed to be a main site, and who gets the booth's certificate: the real page against real TLS servers."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack
from tests.tls_certificates import Pair, make_authority, make_leaf, make_weak_leaf, renewed
from workstation.certificate import BoothCertificate
from workstation.health.links import MainSiteProbe
from workstation.health.readings import ReadingState
from workstation.health.trust import MainSiteTrust, check_host, check_pins, key_digest, trust_of

WAIT_S = 60.0
CHILD = Path(__file__).with_name("trusted_site_process.py")


class Handler(BaseHTTPRequestHandler):
    server: TlsSite
    timeout = 2.0

    def do_GET(self) -> None:
        subject = dict(part[0] for part in (self.connection.getpeercert() or {}).get("subject", ()))
        self.server.seen.append((self.path, subject.get("commonName", "")))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"<title>main site</title><p id=p>main site")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None: ...


class TlsSite(ThreadingHTTPServer):
    """An https server on loopback.

    Args:
        leaf: what it presents.
        clients: the authority of the client certificates that it asks for.
    """

    daemon_threads = True

    def __init__(self, folder: Path, leaf: Pair, *, clients: Pair | None = None, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.seen: list[tuple[str, str]] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("DEFAULT@SECLEVEL=0")
        self.present(folder, leaf)
        if clients is not None:
            self.context.verify_mode = ssl.CERT_OPTIONAL
            self.context.load_verify_locations(cadata=clients.pem)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def present(self, folder: Path, leaf: Pair) -> None:
        self.context.load_cert_chain(*leaf.write(folder, f"leaf-{self.server_port}"))

    @property
    def origin(self) -> str:
        return f"https://{self.server_address[0]}:{self.server_port}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(5.0)
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:
            return  # refused in the handshake, as it may be

    def close(self) -> None:
        """Idempotent."""
        if self.thread.is_alive():
            self.shutdown()
            self.thread.join(WAIT_S)
            self.server_close()


class Booth:
    """The child process."""

    def __init__(
        self,
        folder: Path,
        certificate: tuple[str, str] | None,
        *,
        drill: bool = True,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        cleans: bool = False,
    ) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("QTWEBENGINE")}
        environ |= {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(CHILD.parents[2])}
        environ |= environment or {}
        arguments = {
            "folder": str(folder / "authorities"),
            "certificate": certificate,
            "drill": drill,
            "cleans": cleans,
        }
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(CHILD), json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.attempt = 0
        self.wait_for("ready")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def wait_for(self, *names: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((event for event in self.events if event["event"] in names), None)

        with self.changed:
            assert self.changed.wait_for(found, WAIT_S), f"no {names}; {self.events}"
            event = found()
            assert event is not None
            self.events.remove(event)
            return event

    def send(self, do: str, **facts: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **facts}) + "\n")
        self.process.stdin.flush()

    def open(self, pack: MainSitePack) -> str:
        """Open the main site; return ``opened`` or the code of the failure."""
        self.attempt += 1
        self.send("open", attempt=self.attempt, pack=pack.model_dump(mode="json"))
        event = self.wait_for("opened", "failed")
        assert event["attempt"] == self.attempt
        return str(event.get("code", "opened"))

    def run(self, script: str) -> Any:
        self.send("run", script=script)
        return self.wait_for("done")["result"]

    def shut(self) -> None:
        self.send("close")
        self.wait_for("done")

    def stop(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(WAIT_S)
        finally:
            self.process.kill()
            self.reader.join(WAIT_S)
            self.process.stdout.close()


def make_pack(site: TlsSite, *others: TlsSite, **parts: Any) -> MainSitePack:
    now = datetime.now(UTC)
    return MainSitePack.model_validate(
        {
            "main_site_id": "test",
            "name": "test",
            "serial": 1,
            "issued_at": now,
            "valid_until": now + timedelta(days=1),
            "origins": [{"origin": each.origin} for each in (site, *others)],
            "launch": {"kind": "ticket-get", "url": f"{site.origin}/enter"},
            "arrived": {"origin": site.origin},
        }
        | parts
    )


def pin(*leaves: Pair) -> list[dict[str, object]]:
    return [{"host": "127.0.0.1", "keys": [key_digest(leaf.der) for leaf in leaves]}]


@pytest.fixture(scope="module")
def authority() -> Pair:
    return make_authority()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TlsSite]]:
    sites: list[TlsSite] = []

    def make(leaf: Pair, **options: Any) -> TlsSite:
        sites.append(TlsSite(tmp_path, leaf, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def booth(tmp_path: Path, authority: Pair) -> Iterator[Booth]:
    leaf = make_leaf(authority, name="booth-001", client=True)
    child = Booth(tmp_path, leaf.write(tmp_path, "booth"))
    yield child
    child.stop()


def test_a_private_authority_counts_with_its_pack_and_only_then(
    booth: Booth, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    site = make_site(make_leaf(authority))
    assert booth.open(make_pack(site)) == ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert booth.open(make_pack(site, certificate_authorities=[authority.pem])) == "opened"
    assert booth.run("document.title") == "main site"
    booth.shut()
    assert booth.open(make_pack(site)) == ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert booth.open(make_pack(site, certificate_authorities=[make_authority().pem])) == (
        ErrorCode.MAIN_SITE_NOT_TRUSTED
    )
    assert booth.open(make_pack(site, certificate_authorities=["nonsense"])) == ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert [path for path, _ in site.seen if path.startswith("/enter")] == ["/enter"]


@pytest.mark.parametrize("fault", ["expired", "wrong host", "self-signed", "unknown authority", "weak signature"])
def test_a_bad_certificate_ends_it_and_sends_nothing(
    fault: str, booth: Booth, tmp_path: Path, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    leaf = {
        "expired": lambda: make_leaf(authority, days=-1),
        "wrong host": lambda: make_leaf(authority, name="elsewhere.example"),
        "self-signed": lambda: make_leaf(None),
        "unknown authority": lambda: make_leaf(make_authority()),
        "weak signature": lambda: make_weak_leaf(authority, tmp_path),
    }[fault]()
    site = make_site(leaf)
    pack = make_pack(site, certificate_authorities=[authority.pem])
    assert booth.open(pack) == ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert site.seen == [], "nothing may be asked of a site that is not believed"
    assert MainSiteProbe(site.origin, trust_of(pack)).probe().code is ErrorCode.MAIN_SITE_NOT_TRUSTED


@pytest.mark.parametrize(("bits", "code"), [(1024, ErrorCode.MAIN_SITE_NOT_TRUSTED), (2048, None)])
def test_the_probe_does_not_take_short_keys(
    bits: int, code: ErrorCode | None, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    site = make_site(make_leaf(authority, key=rsa.generate_private_key(65537, bits)))
    pack = make_pack(site, certificate_authorities=[authority.pem])
    assert MainSiteProbe(site.origin, trust_of(pack)).probe().code is code


def test_a_pinned_key_opens_and_another_key_does_not(
    booth: Booth, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    leaf, other = make_leaf(authority), make_leaf(authority)
    site = make_site(leaf)
    known = {"certificate_authorities": [authority.pem]}
    assert booth.open(make_pack(site, pins=pin(other), **known)) == ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert site.seen == [], "no ticket goes to a key that is not pinned"
    assert booth.open(make_pack(site, pins=pin(other, leaf), **known)) == "opened"


def test_an_untrusted_main_site_closes_the_open_page(
    booth: Booth, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    site = make_site(make_leaf(authority))
    assert booth.open(make_pack(site, certificate_authorities=[authority.pem])) == "opened"
    booth.send("condition", code=str(ErrorCode.MAIN_SITE_UNREACHABLE))
    booth.send("condition", code=str(ErrorCode.MAIN_SITE_NOT_TRUSTED))
    lost = booth.wait_for("lost")
    assert (lost["code"], lost["page"]) == (str(ErrorCode.MAIN_SITE_NOT_TRUSTED), False)


def test_the_probe_sees_a_key_that_changes_while_it_watches(
    tmp_path: Path, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    leaf = make_leaf(authority)
    site, other = make_site(leaf), make_site(leaf)
    pack = make_pack(site, other, certificate_authorities=[authority.pem], pins=pin(leaf))
    probe = MainSiteProbe(site.origin, trust_of(pack))
    assert [probe.probe().state for _ in range(3)] == [ReadingState.OK] * 3
    site.present(tmp_path, renewed(authority, leaf))
    assert probe.probe().code is None, "a renewed certificate has the same key"
    other.present(tmp_path, make_leaf(authority))
    assert ErrorCode.MAIN_SITE_NOT_TRUSTED in {probe.probe().code for _ in range(2)}, "every pinned port has its turn"
    site.present(tmp_path, make_leaf(authority))
    assert probe.probe().code is ErrorCode.MAIN_SITE_NOT_TRUSTED


def test_pins_of_a_host_that_is_away_say_so(authority: Pair, make_site: Callable[..., TlsSite]) -> None:
    leaf = make_leaf(authority)
    site = make_site(leaf)
    trust = trust_of(make_pack(site, certificate_authorities=[authority.pem], pins=pin(leaf)))
    check_pins(trust)
    site.close()
    with pytest.raises(KioskError) as caught:
        check_pins(trust)
    assert caught.value.code is ErrorCode.MAIN_SITE_UNREACHABLE


def test_only_a_named_host_gets_the_booths_certificate(
    booth: Booth, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    named = make_site(make_leaf(authority), clients=authority)
    other = make_site(make_leaf(authority, name="localhost"), clients=authority, host="localhost")
    other_origin = f"https://localhost:{other.server_port}"
    pack = make_pack(
        named,
        certificate_authorities=[authority.pem],
        client_certificate={"hosts": ["127.0.0.1"], "source": "booth"},
        origins=[{"origin": named.origin}, {"origin": other_origin}],
    )
    assert booth.open(pack) == "opened"
    assert named.seen[0] == ("/enter", "booth-001")
    booth.run(f"fetch('{other_origin}/x').then(() => document.title = 'fetched'); ''")
    for _ in range(200):
        if booth.run("document.title") == "fetched":
            break
    assert [seen for seen in other.seen if seen[0] == "/x"] == [("/x", "")]
    # Not even a named host gets it when the pack wants the expert's token and there is none.
    token = pack.client_certificate.model_copy(update={"source": "token"}) if pack.client_certificate else None
    named.seen.clear()
    assert booth.open(pack.model_copy(update={"client_certificate": token})) == "opened"
    assert named.seen[0] == ("/enter", "")
    named.seen.clear()
    assert booth.open(pack.model_copy(update={"client_certificate": None})) == "opened"
    assert named.seen[0] == ("/enter", "")


def test_the_probe_shows_the_booths_certificate_to_named_hosts_only(
    tmp_path: Path, authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    site = make_site(make_leaf(authority), clients=authority)
    files = make_leaf(authority, name="booth-001", client=True).write(tmp_path, "booth")
    certificate = BoothCertificate(certificate_file=Path(files[0]), key_file=Path(files[1]))
    for hosts, expected in ((["127.0.0.1"], "booth-001"), (["localhost"], "")):
        offered = {"hosts": hosts, "source": "booth"}
        pack = make_pack(site, certificate_authorities=[authority.pem], client_certificate=offered)
        assert MainSiteProbe(site.origin, trust_of(pack, certificate)).probe().code is None
        assert site.seen[-1] == ("/", expected)


def test_a_server_that_demands_a_certificate_is_reached_without_one(
    authority: Pair, make_site: Callable[..., TlsSite]
) -> None:
    site = make_site(make_leaf(authority), clients=authority)
    site.context.verify_mode = ssl.CERT_REQUIRED
    trust = MainSiteTrust(authorities=authority.pem)
    assert MainSiteProbe(site.origin, trust).probe().code is None
    check_host(trust, "127.0.0.1", site.server_port)
