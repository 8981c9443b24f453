"""The file that ``kiosk-config pack new`` writes: every setting of a pack, explained to the administrator."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from importlib.resources import files
from string import Template

VALID: timedelta = timedelta(days=180)


def template(*, main_site_id: str, name: str, origin: str, now: datetime) -> str:
    """Return a pack's TOML, good as it is for a main site that needs nothing but ``origin`` and a ticket."""
    text = files("kiosk_config.pack").joinpath("template.toml").read_text(encoding="utf-8")
    begin = now.astimezone().replace(microsecond=0)
    return Template(text).substitute(
        main_site_id=_text(main_site_id),
        name=_text(name),
        origin=_text(origin),
        enter=_text(f"{origin}/enter"),
        issued_at=begin.isoformat(),
        valid_until=(begin + VALID).isoformat(),
    )


def _text(value: str) -> str:
    """Return a TOML basic string. JSON's escapes are among TOML's, but for DEL, which JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
