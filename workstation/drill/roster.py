"""What the drill's site knows beforehand: its booth, the experts of the project, and how they meet."""

from __future__ import annotations

import importlib.resources
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from drivers.contracts import Assurance
from drivers.idcard.record import parse_record
from drivers.simulated.people import DRILL_CARDS, PERSON_A, PERSON_B
from workstation.drill import accounts
from workstation.drill.accounts import PROJECT_ID
from workstation.drill.packs import MAIN_SITE_ID
from workstation.site.administration import BoothSettings, Roster, RosterEntry
from workstation.site.conference import ConferencePlan
from workstation.site.contract import Booking

BOOTH_ID = "xy-shihe-2-03"
EXPECTED = {
    "person-a": PERSON_A,
    "rare-character": PERSON_A,
    "hk-resident": PERSON_A,
    "foreign-resident-2017": PERSON_B,
    "foreign-resident-2023": PERSON_B,
}
"""The cards whose holders are on the roster, and whose face is on them."""


def booth() -> BoothSettings:
    """Return the booth's settings, booked for today."""
    start = datetime.now().astimezone().replace(hour=9, minute=0, second=0, microsecond=0)
    return BoothSettings(
        centre="浉河区分中心",
        room="远程异地评标室 2",
        booth_label="03 号工位",
        hotline="0376-000 0000",
        bookings=[Booking(starts_at=start, ends_at=start.replace(hour=23, minute=59), projects=1)],
    )


def entries() -> list[RosterEntry]:
    """Return the experts whose cards the drill has."""
    found = []
    for seat, (name, person) in enumerate(EXPECTED.items(), 3):
        card = DRILL_CARDS[name]
        record = parse_record(bytearray(card.text), card.photo(), Assurance.UNVERIFIED, bytearray())
        photo = importlib.resources.files("assets.drill").joinpath(person.picture).read_bytes()
        found.append(
            RosterEntry(
                name=record.name,
                id_number=record.id_number,
                alias=accounts.alias(seat),
                role=accounts.ROLE,
                account=accounts.account(seat),
                booth_id=BOOTH_ID,
                photo=b64encode(photo),
            )
        )
    return found


def roster(entries: list[RosterEntry], plan: ConferencePlan) -> Roster:
    """Return a roster that is newer than any before."""
    now = datetime.now(UTC)
    return Roster(
        project_id=PROJECT_ID,
        version=int(now.timestamp() * 1000),
        project_name=accounts.PROJECT_NAME,
        section="第二标段",
        main_site="信阳市公共资源交易中心（演示）",
        main_site_id=MAIN_SITE_ID,
        starts_at=now + timedelta(minutes=5),
        expected_hours=4,
        signing="临时 CA（编号 0317，离席归还）",
        conference=plan,
        entries=entries,
    )
