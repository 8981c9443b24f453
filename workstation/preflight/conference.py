"""Whether this booth can hold the built-in meeting: the page is whole, and the media process starts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from drivers.errors import KioskError
from kiosk_config.pack.model import MainSitePack
from workstation.conference.contract import Anonymity
from workstation.conference.media.client import MediaClient
from workstation.site.page_files import read_page_file
from workstation.site.preflight import PreflightCheck, PreflightKind

from .findings import Reason, failed, passed

PAGE_PARTS = ("", "main.js", "vendor/janus.es.js", "vendor/adapter.js")
_SUBJECT = "built-in"


def check_conference(pack: MainSitePack) -> list[PreflightCheck]:
    """Return the checks of the built-in conference; none where the pack asks for another one or for none.

    That the site's conference server answers is the site's to say: only with an expert's arrival it gives a ticket.
    """
    if pack.conference != "built-in":
        return []
    missing = [part for part in PAGE_PARTS if read_page_file(part) is None]
    checks = [failed(PreflightKind.CONFERENCE, part or "index.html", Reason.FILE_MISSING) for part in missing]
    return [*checks, _media()]


def _media() -> PreflightCheck:
    """Start the process with both protections, as the strictest project wants it, and end it."""
    client = MediaClient(models_dir=Path(str(files("assets") / "models")))
    try:
        client.start(Anonymity(mask=True, voice=True))
    except KioskError:
        return failed(PreflightKind.CONFERENCE, _SUBJECT, Reason.MEDIA_FAILED)
    finally:
        client.close()
    return passed(PreflightKind.CONFERENCE, _SUBJECT)
