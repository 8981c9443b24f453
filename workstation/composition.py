"""Makes the bridges of one booth from its configuration: which parts there are, not what they say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from drivers.camera.hub import CameraHub
from drivers.contracts import CardType
from kiosk_config.model import BoothConfig, Presence
from workstation import devices, readers
from workstation.bridge.actions import KioskActions
from workstation.bridge.browser import BrowserBridge
from workstation.bridge.card import CardBridge
from workstation.bridge.checkup import CheckupBridge
from workstation.bridge.conference import ConferenceBridge
from workstation.bridge.conference_media import MediaBridge
from workstation.bridge.conference_ticket import TicketBridge
from workstation.bridge.doors import Doors
from workstation.bridge.external_conference import ExternalConferenceBridge
from workstation.bridge.face import FaceBridge
from workstation.bridge.headset import HeadsetBridge
from workstation.bridge.health import HealthBridge
from workstation.bridge.meeting import Conference
from workstation.bridge.meetings import Meetings
from workstation.bridge.outages import OutageBridge
from workstation.bridge.packs import PackBridge
from workstation.bridge.power import PowerBridge
from workstation.bridge.preflight import PreflightBridge
from workstation.bridge.presence import PresenceBridge
from workstation.bridge.preview import PreviewBridge
from workstation.bridge.records import RecordBridge
from workstation.bridge.screens import ScreenWatch
from workstation.bridge.selfcheck import SelfCheckBridge
from workstation.bridge.sound import SoundBridge
from workstation.bridge.threads import Lane
from workstation.checkup_parts import make_checkup
from workstation.conference.media.client import MediaClient
from workstation.conference.reach import Reach
from workstation.coordinators import make_coordinators
from workstation.evaluation.authorities import AuthorityStore
from workstation.evaluation.packs import BoothPacks, make_packs
from workstation.face.client import FaceClient
from workstation.headset.client import SoundCheckClient
from workstation.health.battery_proofs import FILE_NAME, BatteryProofs
from workstation.health.outages import OutageRule
from workstation.health.power_off import REQUEST_FILE, PowerOffRequest
from workstation.health.supply import PowerLimits
from workstation.identity.presence import Rules, make_rules
from workstation.identity.vault import IdentityVault
from workstation.journal.journal import Journal
from workstation.journey.meeting import ConferenceKind
from workstation.journey.seat import SeatPolicy
from workstation.site.outages import OutageKind

if TYPE_CHECKING:
    from workstation.conference.view import ConferenceView

CONFERENCE_FPS = 15.0
"""Pictures a second that the meeting gets: enough for faces, and half the work of masking all of them."""


@dataclass(frozen=True)
class Bridges:
    """Everything of a booth that lives in the GUI thread and has threads of its own."""

    card: CardBridge
    face: FaceBridge
    health: HealthBridge
    power: PowerBridge
    screens: ScreenWatch
    outages: OutageBridge
    records: RecordBridge
    browser: BrowserBridge
    packs: PackBridge
    preflight: PreflightBridge
    checkup: CheckupBridge
    checks: SelfCheckBridge
    preview: PreviewBridge
    sound: SoundBridge
    tickets: TicketBridge
    headset: HeadsetBridge
    conference: ConferenceBridge
    external: ExternalConferenceBridge
    actions: KioskActions

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every thread that runs calls: their crashes are the application's to take."""
        single = (self.face.lane, self.records.lane, self.packs.lane, self.browser.lane, self.checks.lane)
        return (
            *single,
            self.records.check.lane,
            *self.preflight.lanes,
            *self.checkup.lanes,
            self.sound.lane,
            self.preview.lane,
            *self.conference.lanes,
            self.external.lane,
        )


def make_bridges(config: BoothConfig, journal: Journal, vault: IdentityVault, parent: QObject) -> Bridges:
    """Return the bridges of a booth; nothing is started yet."""
    camera, models = devices.make_camera(config), devices.models_dir(config)
    records = RecordBridge(journal, parent)
    face = _make_face(config, camera, parent)
    browser = BrowserBridge(
        is_drill=config.is_drill,
        authorities=AuthorityStore(config.storage.data_dir / "authorities"),
        certificate=devices.booth_certificate(config),
        parent=parent,
    )
    packs = make_packs(config)
    health = make_health(config, camera, packs, parent)
    screens = ScreenWatch(config.screen.count, parent)
    pack_bridge = PackBridge(packs, records, parent)
    doors = Doors(pack_bridge)
    card = CardBridge(
        readers.make_reader(config), readers.make_decoder(config), timeout_s=config.reader.timeout_s, parent=parent
    )
    checks = SelfCheckBridge(health, doors, parent)
    tickets = TicketBridge(parent)
    preview = PreviewBridge(MediaClient(models_dir=models), camera.reader(CONFERENCE_FPS), parent)
    sound = SoundBridge(SoundCheckClient(), devices.make_headset(config), preview, parent)
    headset = HeadsetBridge(devices.make_headset(config), parent)
    conference = ConferenceBridge(
        tickets=tickets,
        media=MediaBridge(lambda: MediaClient(models_dir=models), camera.reader(CONFERENCE_FPS), parent),
        headset=headset,
        make_view=_ViewMaker(browser),
        parent=parent,
    )
    external = ExternalConferenceBridge(doors.pack, devices.make_stream_muter(config), headset, parent)
    kinds: dict[ConferenceKind, Conference] = {ConferenceKind.BUILT_IN: conference, ConferenceKind.EXTERNAL: external}
    actions = KioskActions(
        vault=vault,
        card=card,
        face=face,
        presence=PresenceBridge(face, _seat_rules(config.presence), parent),
        health=health,
        records=records,
        browser=browser,
        doors=doors,
        checks=checks,
        conference=Meetings(kinds, doors.conference),
        sound=sound,
        card_types=frozenset(map(CardType, config.reader.card_types)),
        is_drill=config.is_drill,
        parent=parent,
    )
    return Bridges(
        card=card,
        face=face,
        health=health,
        power=make_power(config, parent),
        screens=screens,
        outages=OutageBridge(journal, _outage_rules(config), parent),
        records=records,
        browser=browser,
        packs=pack_bridge,
        preflight=_make_preflight(config, packs, records, parent),
        checkup=make_checkup(config, camera=camera, packs=packs, journal=journal, records=records, parent=parent),
        checks=checks,
        preview=preview,
        sound=sound,
        tickets=tickets,
        headset=headset,
        conference=conference,
        external=external,
        actions=actions,
    )


class _ViewMaker:
    """Makes the conference page's view, in an engine that is loaded by then."""

    def __init__(self, browser: BrowserBridge) -> None:
        self._browser = browser

    def __call__(self, reach: Reach, has_desktop: bool) -> ConferenceView:
        self._browser.prepare()
        from workstation.conference.view import ConferenceView  # noqa: PLC0415 - needs the engine

        return ConferenceView(reach, has_desktop=has_desktop)


def _make_face(config: BoothConfig, camera: CameraHub, parent: QObject) -> FaceBridge:
    models = devices.models_dir(config)
    return FaceBridge(
        camera.reader(),
        lambda: FaceClient(models_dir=models, engine=devices.face_engine(config)),
        challenges=devices.make_challenges(config),
        parent=parent,
    )


def make_health(config: BoothConfig, camera: CameraHub, packs: BoothPacks, parent: QObject) -> HealthBridge:
    """Return what watches the booth's devices."""
    return HealthBridge(
        coordinators=make_coordinators(config, camera.reader(), packs),
        headset=devices.make_headset(config),
        plugs=devices.make_plug_events(),
        parent=parent,
    )


def make_power(config: BoothConfig, parent: QObject, *, may_power_off: bool = True) -> PowerBridge:
    """Return what watches the booth's power."""
    power = config.power
    is_ours = may_power_off and power.power_off and not config.is_drill
    return PowerBridge(
        devices.make_supplies(config),
        BatteryProofs(config.storage.data_dir / FILE_NAME),
        PowerOffRequest(REQUEST_FILE if is_ours else None),
        limits=PowerLimits(warn_s=power.warn_s, close_s=power.close_s, required_s=power.required_hours * 3600),
        parent=parent,
    )


def _outage_rules(config: BoothConfig) -> list[OutageRule]:
    return [
        OutageRule(outage=OutageKind(rule.outage), after_s=60.0 * rule.after_minutes, text=rule.text)
        for rule in config.outage_rule
    ]


def _make_preflight(config: BoothConfig, packs: BoothPacks, records: RecordBridge, parent: QObject) -> PreflightBridge:
    return PreflightBridge(
        packs,
        records,
        at=time.fromisoformat(config.main_site.preflight_at) if config.main_site.preflight_at else None,
        site_id=config.main_site.site_id,
        is_drill=config.is_drill,
        certificate=devices.booth_certificate(config),
        parent=parent,
    )


def _seat_rules(presence: Presence) -> Rules:
    return make_rules(
        away_notice_s=presence.away_notice_s,
        away_lock_s=presence.away_lock_s,
        others_notice_s=presence.others_notice_s,
        others_alarm_s=presence.others_alarm_s,
        camera_lock_s=presence.camera_lock_s,
    )


def seat_policy(presence: Presence) -> SeatPolicy:
    """Return how long a seat may be empty before what."""
    return SeatPolicy(
        watch=presence.watch,
        away_report_s=presence.away_report_s,
        leave_s=presence.leave_s,
        camera_lock_s=presence.camera_lock_s,
    )
