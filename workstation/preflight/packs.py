"""What the pack itself says: its time, for whom it is, and what this version of the booth cannot do yet. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from kiosk_config.pack.model import MainSitePack
from workstation.site.preflight import PreflightCheck, PreflightKind

from .findings import Reason, failed, passed, warned
from .judge import EXPIRY_NOTICE

_DAY = timedelta(days=1)


def check_pack(pack: MainSitePack, now: datetime, *, known_serial: int, sub_site: str) -> list[PreflightCheck]:
    """Return the checks of the pack's own facts.

    Args:
        pack: signature and form are good already.
        now: the moment to judge for.
        known_serial: of the pack that this booth has, 0 for none.
        sub_site: who we are, "" when that is not known.
    """
    return [_time(pack, now), _serial(pack, known_serial), *_audience(pack, sub_site)]


def _time(pack: MainSitePack, now: datetime) -> PreflightCheck:
    left = pack.valid_until - now
    values = {"valid_days": left / _DAY}
    if left <= timedelta():
        return failed(PreflightKind.PACK, pack.main_site_id, Reason.EXPIRED, **values)
    if now < pack.issued_at:
        return failed(PreflightKind.PACK, pack.main_site_id, Reason.NOT_YET_VALID, **values)
    if left < EXPIRY_NOTICE:
        return warned(PreflightKind.PACK, pack.main_site_id, Reason.EXPIRES_SOON, **values)
    return passed(PreflightKind.PACK, pack.main_site_id, **values)


def _serial(pack: MainSitePack, known_serial: int) -> PreflightCheck:
    values = {"serial": float(pack.serial)}
    if pack.serial < known_serial:
        values["known_serial"] = float(known_serial)
        return failed(PreflightKind.PACK, pack.main_site_id, Reason.OLDER_SERIAL, **values)
    return passed(PreflightKind.PACK, pack.main_site_id, **values)


def _audience(pack: MainSitePack, sub_site: str) -> list[PreflightCheck]:
    if not pack.audience:
        return []
    if not sub_site:
        return [warned(PreflightKind.PACK, ", ".join(pack.audience), Reason.SITE_UNKNOWN)]
    if sub_site not in pack.audience:
        return [failed(PreflightKind.PACK, sub_site, Reason.OTHER_SITE)]
    return [passed(PreflightKind.PACK, sub_site)]
