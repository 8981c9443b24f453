"""Asks whether the main site answers, without opening anything there."""

from __future__ import annotations

import requests

from drivers.errors import ErrorCode
from workstation.health.probes import read_link
from workstation.health.readings import Moment, Reading
from workstation.site.contract import ReadingKind

TIMEOUT_S = 3.0


def probe_main_site(origin: str) -> Reading:
    """Send one HEAD request to ``origin``. Any HTTP answer means reachable; a wrong certificate means E-504."""
    code, round_trip_s, detail = None, None, ""
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.head(origin, timeout=TIMEOUT_S, allow_redirects=False) as response:
                round_trip_s = response.elapsed.total_seconds()
        except requests.exceptions.SSLError as error:
            code, detail = ErrorCode.MAIN_SITE_NOT_TRUSTED, type(error).__name__
        except (requests.RequestException, OSError, ValueError) as error:
            code, detail = ErrorCode.MAIN_SITE_UNREACHABLE, type(error).__name__
    return read_link(ReadingKind.MAIN_SITE, Moment.now(), code=code, round_trip_s=round_trip_s, detail=detail)
