"""The drill's stage has a real conference server: its site gives tickets, and its pack and roster say so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from drivers.contracts import Assurance
from drivers.errors import ErrorCode, KioskError
from drivers.idcard.record import parse_record
from drivers.simulated import janus
from drivers.simulated.people import DRILL_CARDS
from kiosk_config.pack.signing import unverified_pack
from workstation.drill.accounts import PROJECT_ID
from workstation.drill.packs import MAIN_SITE_ID
from workstation.drill.roster import BOOTH_ID
from workstation.drill.stage import DRILL_PLAN, Stage
from workstation.site.client import SiteClient
from workstation.site.conference import ConferencePlan, ConferenceRole, GuestRequest
from workstation.site.contract import ArrivalRequest, VerificationMethod, expert_hash

pytestmark = pytest.mark.pcscd


def arrive(client: SiteClient) -> ArrivalRequest:
    info, card = client.booth(), DRILL_CARDS["person-a"]
    record = parse_record(bytearray(card.text), card.photo(), Assurance.UNVERIFIED, bytearray())
    request = ArrivalRequest(
        arrival_id=uuid4(),
        key_id=info.key_id,
        expert_hash=expert_hash(bytes.fromhex(info.arrival_key), record.id_number),
        method=VerificationMethod.CARD_FACE,
        verified_at=datetime.now(UTC),
    )
    client.arrive(request)
    return request


def client_of(stage: Stage) -> SiteClient:
    return SiteClient(f"http://127.0.0.1:{stage.site_link.port}", BOOTH_ID, stage.tokens.booths[BOOTH_ID], timeout_s=5)


@pytest.mark.parametrize("plan", [DRILL_PLAN, ConferencePlan(desktop=False)], ids=["default", "another"])
def test_the_drill_has_a_conference(tmp_path, plan):
    with Stage(tmp_path / "drill", plan=plan) as stage:
        assert "conference" not in stage.notes
        client = client_of(stage)
        arrival = arrive(client)
        assert client.match(arrival.arrival_id).assignment.conference == plan
        assert unverified_pack(client.pack(MAIN_SITE_ID)).conference == "built-in"
        ticket = client.conference(arrival.arrival_id, PROJECT_ID)
        assert ticket.server == stage.janus.websocket
        assert ticket.plan == plan
        guest = stage.administrator.invite(PROJECT_ID, GuestRequest(alias="主持", role=ConferenceRole.MODERATOR))
        assert guest.ticket.meeting.room == ticket.meeting.room
        client.close()


def test_without_janus_the_drill_goes_on_without_a_conference(tmp_path, monkeypatch):
    monkeypatch.setattr(janus, "JANUS", Path("/nonexistent/janus"))
    with Stage(tmp_path / "drill") as stage:
        assert stage.janus is None
        assert "No such file" in stage.notes["conference"]
        client = client_of(stage)
        assert unverified_pack(client.pack(MAIN_SITE_ID)).conference == "none"
        with pytest.raises(KioskError) as caught:
            client.conference(arrive(client).arrival_id, PROJECT_ID)
        assert caught.value.code is ErrorCode.CONFERENCE_LOST
        client.close()
