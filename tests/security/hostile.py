"""A main site that has gone over to the other side: the page runs whatever the test tells it, and reports back.

The page asks for its next job and posts what became of it. A job with ``gesture`` waits for a real click or key, so
that the browser takes what follows for a person's wish.
"""

from __future__ import annotations

import json
import queue
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.security.authority import Authority

POLL_S = 4.0

_PAGE = """<!doctype html><meta charset="utf-8"><title>hostile</title>
<style>body{margin:0;height:100vh;font:20px sans-serif;background:#204060;color:#fff}
#box{position:fixed;left:0;top:0}a,input,button,video{font-size:20px}</style>
<p style="margin:40px">main site <a id="link" href="DRAG_TARGET/drag">a link to drag</a></p><div id="box"></div>
<script>
if (window.top === window && !location.pathname.startsWith('/quiet')) (async () => {
  const C = CONSTANTS, Async = (async () => {}).constructor;
  const text = (value) => value === undefined ? '' : String(value);
  const patience = (ms) => new Promise((done) => setTimeout(() => done('no answer'), ms));
  async function perform(job) {
    let result;
    try {
      const run = new Async(...Object.keys(C), 'ID', job.script);
      result = text(await Promise.race([run(...Object.values(C), job.id), patience(job.patience_ms)]));
    } catch (error) { result = 'refused: ' + error.name; }
    navigator.sendBeacon('/agent/done', JSON.stringify({id: job.id, result: result.slice(0, 300)}));
  }
  let armed = null;
  for (const kind of ['click', 'keydown']) addEventListener(kind, (event) => {
    if (armed && navigator.userActivation.isActive) { const job = armed; armed = null; perform(job); }
  }, {capture: true});
  window.escapeEvents = [];
  for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => escapeEvents.push(kind), {capture: true});
  for (;;) {
    try {
      const answer = await fetch('/agent/next?at=' + encodeURIComponent(location.href), {cache: 'no-store'});
      const job = await answer.json();
      if (!job.script) continue;
      if (job.gesture) { armed = job; await fetch('/agent/armed?id=' + job.id); } else perform(job);
    } catch (error) { await new Promise((done) => setTimeout(done, 100)); }
  }
})();
</script>
"""
_ACTIVE_PDF = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R/OpenAction 4 0 R/AA<</WC 5 0 R>>>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Annots[6 0 R 7 0 R]>> endobj
4 0 obj <</S/JavaScript/JS(app.launchURL\\("SINK/pdf-script"\\);app.alert\\("x"\\))>> endobj
5 0 obj <</S/Launch/F(/usr/bin/xdg-open)>> endobj
6 0 obj <</Type/Annot/Subtype/Link/Rect[0 0 300 150]/A<</S/URI/URI(SINK/pdf-link)>>>> endobj
7 0 obj <</Type/Annot/Subtype/Link/Rect[0 150 300 300]/A 5 0 R>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""
_KINDS = {
    "active": ("application/pdf", _ACTIVE_PDF),
    "fake": ("application/pdf", b"MZ\x90\x00 not what it says"),
    "pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
    "exe": ("application/octet-stream", b"MZ\x90\x00"),
    "deb": ("application/vnd.debian.binary-package", b"!<arch>\n"),
    "sh": ("application/x-sh", b"#!/bin/sh\nxdg-open escaped\n"),
    "desktop": ("application/x-desktop", b"[Desktop Entry]\nType=Application\nExec=xdg-open escaped\n"),
    "html": ("text/html", b"<script>parent.postMessage('x','*')</script>"),
    "svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "zip": ("application/zip", b"PK\x05\x06" + bytes(18)),
}


class HostileSite:
    """Serves over TLS on ``localhost`` until ``close``.

    Attributes:
        origin: its origin.
        authority: who answers for its certificate.
        location: the address that the page last called itself.
        seen_at: when the page last asked for a job, monotonic.
    """

    def __init__(self, authority: Authority, sink_port: int) -> None:
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self._results: dict[str, str] = {}
        self._armed: set[str] = set()
        self._news = threading.Condition()
        self.authority = authority
        self.location, self.seen_at = "", 0.0
        self.auth_asked: list[str] = []
        self._server = _Server(("::", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.chain, authority.key)
        # The handshake is the connection's thread's: one that never comes must not stop the others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.origin = f"https://localhost:{self.port}"
        self.constants = {
            "MAIN": self.origin,
            "MAIN_PORT": self.port,
            "SINK": f"https://sink.localhost:{sink_port}",
            "SINK_HTTP": f"http://sink.localhost:{sink_port}",
            "SINK_WSS": f"wss://sink.localhost:{sink_port}",
            "SINK_WS": f"ws://sink.localhost:{sink_port}",
            "SINK_HOST": f"sink.localhost:{sink_port}",
            "SINK_PORT": sink_port,
        }
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    # --- what the test asks for ---

    def give(self, job_id: str, script: str, *, gesture: bool, patience_s: float) -> None:
        """Give the page a job."""
        self._jobs.put({"id": job_id, "script": script, "gesture": gesture, "patience_ms": round(patience_s * 1000)})

    def wait_armed(self, job_id: str, timeout_s: float) -> bool:
        """Wait until the page waits for a click; say whether it does."""
        with self._news:
            return self._news.wait_for(lambda: job_id in self._armed, timeout_s)

    def wait_result(self, job_id: str, timeout_s: float) -> str | None:
        """Return what the job returned, ``None`` when nothing came."""
        with self._news:
            self._news.wait_for(lambda: job_id in self._results, timeout_s)
            return self._results.get(job_id)

    def is_listening(self, timeout_s: float) -> bool:
        """Whether the page asks, or has asked within a moment, for its next job."""
        asked_from = time.monotonic()
        with self._news:
            return self._news.wait_for(lambda: self.seen_at > asked_from - 1.0, timeout_s)

    def forget_jobs(self) -> None:
        """Take back what the page has not fetched."""
        while not self._jobs.empty():
            self._jobs.get_nowait()

    # --- what the page asks for ---

    def next_job(self, location: str, still_there: Any) -> dict[str, Any]:
        deadline = time.monotonic() + POLL_S
        while time.monotonic() < deadline:
            with self._news:
                self.location, self.seen_at = location, time.monotonic()
                self._news.notify_all()
            try:
                job = self._jobs.get(timeout=0.1)
            except queue.Empty:
                if still_there():
                    continue
                return {}
            if not still_there():
                # The page that asked is gone: its successor gets the job.
                self._jobs.put(job)
                return {}
            return job
        return {}

    def note_result(self, job_id: str, result: str) -> None:
        with self._news:
            self._results[job_id] = result
            self._news.notify_all()

    def note_armed(self, job_id: str) -> None:
        with self._news:
            self._armed.add(job_id)
            self._news.notify_all()

    def page(self) -> bytes:
        """Return the hostile page."""
        page = _PAGE.replace("CONSTANTS", json.dumps(self.constants)).replace("DRAG_TARGET", self.constants["SINK"])
        return page.encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        return Handler


class _Server(ThreadingHTTPServer):
    """Takes IPv4 too: Python leaves a socket for both where the system does (IPV6_V6ONLY is off on Linux)."""

    address_family = socket.AF_INET6

    def handle_error(self, request: object, client_address: object) -> None:
        """A handshake that the browser broke off is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    site: HostileSite

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/agent/done":
            told = json.loads(body)
            self.site.note_result(told["id"], told["result"])
        self._answer(b"")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name = parts.path.strip("/").split("/")[-1]
        handler = getattr(self, f"_get_{name}", None) if parts.path.count("/") <= 2 else None
        if handler is None:
            self._answer(self.site.page())
        else:
            handler(query)

    def _answer(self, body: bytes, kind: str = "text/html; charset=utf-8", status: int = 200, **more: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in (headers | {key.replace("_", "-"): value for key, value in more.items()}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _get_next(self, query: dict[str, str]) -> None:
        job = self.site.next_job(query.get("at", ""), self._still_there)
        self._answer(json.dumps(job).encode(), "application/json")

    def _still_there(self) -> bool:
        self.connection.settimeout(0.0)
        try:
            return self.connection.recv(1) != b""
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self.connection.settimeout(self.timeout)

    def _get_armed(self, query: dict[str, str]) -> None:
        self.site.note_armed(query["id"])
        self._answer(b"")

    def _get_redirect(self, query: dict[str, str]) -> None:
        """Redirect ``n`` times to ourselves, then to ``to``."""
        left = int(query.get("n", "0"))
        target = f"/redirect?n={left - 1}&to={query['to']}" if left else query["to"]
        self._answer(b"", status=int(query.get("status", "302")), Location=target)

    def _get_refresh(self, query: dict[str, str]) -> None:
        self._answer(self.site.page(), Refresh=f"0;url={query['to']}")

    def _get_script(self, query: dict[str, str]) -> None:
        """A script, for workers: its source is in the query."""
        self._answer(query["source"].encode(), "text/javascript", Service_Worker_Allowed="/")

    def _get_document(self, query: dict[str, str]) -> None:
        """A document that does not run the agent."""
        link = {"Link": query["link"]} if "link" in query else {}
        self._answer(query.get("source", "").encode(), **link)

    def _get_download(self, query: dict[str, str]) -> None:
        kind, body = _KINDS[query["kind"]]
        body = body.replace(b"SINK", str(self.site.constants["SINK"]).encode())
        name = query.get("name", f"escape.{query['kind']}")
        shown = {} if "inline" in query else {"Content_Disposition": f'attachment; filename="{name}"'}
        self._answer(body, kind, **shown)

    def _get_auth(self, _query: dict[str, str]) -> None:
        given = self.headers.get("Authorization", "")
        self.site.auth_asked.append(given)
        self._answer(b"", status=401, WWW_Authenticate='Basic realm="password of the expert"')
