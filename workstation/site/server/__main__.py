"""Command line of the site server."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from workstation.site.server import reviews, tokens
from workstation.site.server.app import create_app
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.listener import Listener
from workstation.site.server.meetings.conference_server import ConferenceServer, open_server
from workstation.site.server.meetings.office import tending
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.metrics.forwarder import Collector, forwarding, open_collector
from workstation.site.server.options import OptionError
from workstation.site.server.rounds import every
from workstation.site.server.site import Site

FORGET_INTERVAL_S = 600.0


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
            conference=_conference(options),
            public_url=options.public_url,
        )
        site.enrol()
        collector = _collector(options)
        listener = Listener(
            host=options.host,
            port=options.port,
            end_with_stdin=options.end_with_stdin,
            certificate=options.tls_certificate,
            key=options.tls_key,
        )
        rounds = every(FORGET_INTERVAL_S, lambda _: _forget(site), name="forget")
        with rounds, tending(site), _forwarding(site, collector):
            listener.serve(create_app(site))
    except (OSError, ValueError, SQLAlchemyError, tokens.TokensError, OptionError) as error:
        # A database error's text holds the URL's host and table names, and no bound value.
        sys.stderr.write(f"site server cannot start: {error}\n")
        return 2
    if site.conference is not None:
        site.conference.close()
    database.close()
    return 0


def _forget(site: Site) -> None:
    """Forget old reviews, even where no booth and no administrator calls any more."""
    site.database.run(lambda session: reviews.forget_old(session, site.clock()))


def _collector(options: argparse.Namespace) -> Collector | None:
    if options.otlp_endpoint is not None:
        return open_collector(
            options.otlp_endpoint, options.otlp_headers_file, options.otlp_interval, options.otlp_ca_file
        )
    if options.otlp_headers_file or options.otlp_ca_file:
        raise OptionError("OTLP headers and authorities are for an OTLP endpoint, and there is none")
    return None


def _forwarding(site: Site, collector: Collector | None) -> contextlib.AbstractContextManager[None]:
    if collector is None:
        return contextlib.nullcontext()
    return forwarding(collector, Fleet(site.database, site.clock), site.metrics)


def _conference(options: argparse.Namespace) -> ConferenceServer | None:
    needed = {
        "--janus-http": options.janus_http,
        "--janus-websocket": options.janus_websocket,
        "--janus-keys-file": options.janus_keys_file,
        "--recordings": options.recordings,
    }
    missing = [name for name, value in needed.items() if value is None]
    if len(missing) == len(needed):
        if options.turn or options.turn_secret_file:
            raise OptionError("TURN servers serve a conference server, and there is none")
        return None
    if missing:
        raise OptionError(f"a conference server also needs {', '.join(missing)}")
    return open_server(
        http=options.janus_http,
        websocket=options.janus_websocket,
        keys_file=options.janus_keys_file,
        recordings=options.recordings,
        turn=options.turn,
        turn_secret_file=options.turn_secret_file,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluation-site", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of tokens.json and the SQLite file")
    parser.add_argument("--database", help="SQLAlchemy URL, such as postgresql://user@host/site")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; not loopback needs TLS")
    parser.add_argument("--port", type=int, default=8443, help="0 lets the system choose")
    parser.add_argument("--tls-certificate", help="PEM file with the certificate chain")
    parser.add_argument("--tls-key", help="PEM file with the private key")
    parser.add_argument("--no-review-pictures", action="store_true", help="refuse pictures of reviews (on a booth)")
    parser.add_argument("--public-url", default="", help="where guests' browsers find this server: https://host")
    group = parser.add_argument_group("conference server", "Janus; docs/conference-server.md says how it is set up")
    group.add_argument("--janus-http", metavar="URL", help="its HTTP interface, for this server")
    group.add_argument("--janus-websocket", metavar="URL", help="its address for booths and guests: wss://host:port")
    group.add_argument("--janus-keys-file", type=Path, help="TOML file with admin_key and token_secret, mode 600")
    group.add_argument("--recordings", type=Path, help="folder where it writes streams, the same path for both")
    group.add_argument("--turn", action="append", default=[], metavar="URL", help="turn:host:port?transport=udp")
    group.add_argument("--turn-secret-file", type=Path, help="file with coturn's static-auth-secret, mode 600")
    group = parser.add_argument_group("monitoring", "forward readings to an OTLP collector; docs/metrics.md")
    group.add_argument("--otlp-endpoint", metavar="URL", help="https://collector:4318/v1/metrics; http: loopback only")
    group.add_argument("--otlp-headers-file", type=Path, help="lines of 'Name: value', such as a token; mode 600")
    group.add_argument("--otlp-interval", type=float, default=15.0, metavar="S", help="seconds between rounds (15)")
    group.add_argument("--otlp-ca-file", help="PEM file of the collector's own authority")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input closes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
