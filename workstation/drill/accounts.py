"""The accounts of the drill's experts at the demo main site: on its roster and, since it is a drill, written here."""

from __future__ import annotations

import hmac

from workstation.site.contract import Account, TicketHolder

PROJECT_ID = "XY-2026-GC-0417"
PROJECT_NAME = "信阳市某道路改造工程"
ROLE = "技术标评委（副场）"
_SEATS = range(3, 10)


def account(seat: int) -> Account:
    """Return the account of the expert with that number."""
    return Account(user=f"zj-{seat:02}", password=f"Drill-O0l1-{seat:02}")


def alias(seat: int) -> str:
    """Return the expert's alias."""
    return f"专家{seat:02}"


def known_account(user: str, password: str) -> TicketHolder | None:
    """Return who has this account, ``None`` when user or password is wrong."""
    for seat in _SEATS:
        known = account(seat)
        if known.user == user and hmac.compare_digest(known.password.encode(), password.encode()):
            return TicketHolder(
                booth_id="by-account",
                booth_label="账号登录",
                project_id=PROJECT_ID,
                project_name=PROJECT_NAME,
                alias=alias(seat),
                role=ROLE,
            )
    return None
