"""Serves the conference page as the site server does, for browsers that come by a link."""

from __future__ import annotations

import base64
import contextlib
import http.server
import threading
from collections.abc import Iterator

from workstation.site.conference import ConferenceTicket
from workstation.site.page_files import CONTENT_SECURITY_POLICY, read_page_file


class _Site(http.server.BaseHTTPRequestHandler):
    """Serves the page below /conference/."""

    def do_GET(self) -> None:
        found = read_page_file(self.path.partition("?")[0].removeprefix("/conference/"))
        self.send_response(200 if found else 404)
        if found:
            self.send_header("Content-Type", found.media_type)
            self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.end_headers()
        if found:
            self.wfile.write(found.content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve on loopback; yields the page's address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/conference/"
    server.shutdown()
    thread.join()
    server.server_close()


def link(site: str, way_in: ConferenceTicket) -> str:
    """Return the address that carries a ticket."""
    return f"{site}#{base64.urlsafe_b64encode(way_in.model_dump_json().encode()).decode().rstrip('=')}"
