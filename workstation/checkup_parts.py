"""What a check-up looks at on this booth, and the bridge that makes it. Part of the composition root."""

from __future__ import annotations

from datetime import time
from functools import partial
from importlib.metadata import version

from PySide6.QtCore import QObject

from drivers.camera.hub import CameraHub
from kiosk_config.model import BoothConfig
from workstation import devices
from workstation.bridge.checkup import CheckupBridge
from workstation.bridge.records import RecordBridge
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.maker import BoothIdentity, Groups
from workstation.checkup.probes import camera_probe, face_probe, headset_probe, journal_probe, main_sites_probe
from workstation.checkup.runner import Probe
from workstation.checkup.schedule import DailyTime
from workstation.evaluation.packs import BoothPacks
from workstation.face.client import FaceClient
from workstation.headset.client import SoundCheckClient
from workstation.journal.journal import Journal
from workstation.site.readings import ReadingKind
from workstation.ui.checkup_words import CheckupWords
from workstation.ui.messages import Language, Messages

TRIED = (ReadingKind.CAMERA, ReadingKind.HEADSET, ReadingKind.MAIN_SITE)
"""What the check-up tries by itself; of every other kind, new ones too, it takes the booth's readings."""


def fitted(config: BoothConfig) -> set[ReadingKind]:
    """Return what this booth must have a reading of; anything else counts once it was read."""
    always = {ReadingKind.READER, ReadingKind.DISK, ReadingKind.CLOCK, ReadingKind.SITE}
    return always | {ReadingKind.UPS} if config.ups else always


def own_probes(config: BoothConfig, camera: CameraHub, packs: BoothPacks, journal: Probe) -> list[list[Probe]]:
    """Return what is tried, in groups that do not disturb each other: loading networks slows a camera down."""
    tone = None if config.headset.driver == "simulated" else SoundCheckClient()
    make_face = partial(FaceClient, models_dir=devices.models_dir(config), engine=devices.face_engine(config))
    return [
        [camera_probe(camera.reader()), face_probe(make_face)],
        [headset_probe(partial(devices.make_headset, config), tone)],
        [main_sites_probe(packs)],
        [journal],
    ]


def all_groups(feed: ReadingFeed, own: list[list[Probe]]) -> Groups:
    """Return the booth's readings and what is tried, side by side."""
    readings = feed.probes(kind for kind in ReadingKind if kind not in TRIED)
    return [*([probe] for probe in readings), *own]


def booth_identity(config: BoothConfig) -> BoothIdentity:
    """Return whose reports these are."""
    return BoothIdentity(
        booth_id=config.place.booth_id,
        version=version("evaluation-workstation"),
        is_drill=config.is_drill,
        words=CheckupWords(Messages(Language(config.screen.language))),
    )


def daily_time(config: BoothConfig) -> DailyTime:
    """Return when the check-up of every day is due."""
    at = config.self_check.daily_at
    return DailyTime(time.fromisoformat(at) if at else None)


def make_checkup(
    config: BoothConfig,
    *,
    camera: CameraHub,
    packs: BoothPacks,
    journal: Journal,
    records: RecordBridge,
    parent: QObject,
) -> CheckupBridge:
    """Return the bridge; nothing is started yet."""
    feed = ReadingFeed(fitted(config), required_s=config.power.required_hours * 3600)

    def groups() -> Groups:
        return all_groups(feed, own_probes(config, camera, packs, journal_probe(journal)))

    return CheckupBridge(
        groups,
        feed,
        records,
        booth=booth_identity(config),
        data_dir=config.storage.data_dir,
        daily=daily_time(config),
        parent=parent,
    )
