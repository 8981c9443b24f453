"""Command line of the site server."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from workstation.site.server import reviews, tokens
from workstation.site.server.app import create_app
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.listener import Listener
from workstation.site.server.site import Site

FORGET_INTERVAL_S = 600.0
_logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run the site server. Returns 2 when it cannot start, with the reason on standard error."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        options.data.mkdir(parents=True, exist_ok=True)
        database = Database(options.database or sqlite_url(options.data))
        site = Site(
            database=database,
            tokens=tokens.load_or_create(options.data),
            review_pictures=not options.no_review_pictures,
        )
        site.enrol()
        listener = Listener(
            host=options.host,
            port=options.port,
            end_with_stdin=options.end_with_stdin,
            certificate=options.tls_certificate,
            key=options.tls_key,
        )
        with _forgetting(site):
            listener.serve(create_app(site))
    except (OSError, ValueError, SQLAlchemyError, tokens.TokensError) as error:
        # A database error's text holds the URL's host and table names, and no bound value.
        sys.stderr.write(f"site server cannot start: {error}\n")
        return 2
    database.close()
    return 0


@contextlib.contextmanager
def _forgetting(site: Site) -> Iterator[None]:
    """Forget old reviews from time to time, even where no booth and no administrator calls any more."""
    stop = threading.Event()
    thread = threading.Thread(target=_forget_until, args=(site, stop), name="forget", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _forget_until(site: Site, stop: threading.Event) -> None:
    while True:
        try:
            site.database.run(lambda session: reviews.forget_old(session, site.clock()))
        except SQLAlchemyError as error:
            _logger.error("old reviews were not forgotten: %s", type(error).__name__)
        if stop.wait(FORGET_INTERVAL_S):
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluation-site", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of tokens.json and the SQLite file")
    parser.add_argument("--database", help="SQLAlchemy URL, such as postgresql://user@host/site")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; not loopback needs TLS")
    parser.add_argument("--port", type=int, default=8443, help="0 lets the system choose")
    parser.add_argument("--tls-certificate", help="PEM file with the certificate chain")
    parser.add_argument("--tls-key", help="PEM file with the private key")
    parser.add_argument("--no-review-pictures", action="store_true", help="refuse pictures of reviews (on a booth)")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input closes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
