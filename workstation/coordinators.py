"""Makes what looks at a booth, from its configuration. What is not configured is not watched, and not shown as lost."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version

from PySide6.QtCore import qVersion

from drivers.contracts import Camera
from drivers.errors import KioskError
from kiosk_config.model import BoothConfig
from workstation import devices
from workstation.evaluation.packs import BoothPacks
from workstation.health.coordinator import Coordinator
from workstation.health.coordinators.camera import CameraCoordinator
from workstation.health.coordinators.clock import ClockCoordinator
from workstation.health.coordinators.machine import DiskCoordinator, MemoryCoordinator, TemperatureCoordinator
from workstation.health.coordinators.plugged import PluggedCoordinator
from workstation.health.coordinators.software import SoftwareCoordinator
from workstation.health.coordinators.usb import UsbCoordinator
from workstation.health.probes import DiskLimits
from workstation.site.readings import ReadingKind

MIB = 1 << 20
VERSIONS_FILE = "versions.json"
"""In the data folder: what ran here at the last start."""


def make_coordinators(config: BoothConfig, camera: Camera, packs: BoothPacks) -> list[Coordinator]:
    """Return everything that looks by itself; the links and the headset are the bridge's own."""
    storage, min_free = config.storage, config.storage.min_free_mb * MIB
    limits = DiskLimits(warn_free_bytes=2 * min_free, bad_free_bytes=min_free)
    known = {*config.usb.allowed, *config.token.usb, *config.signature_pad.usb}
    return [
        CameraCoordinator(camera),
        DiskCoordinator(storage.data_dir, limits),
        MemoryCoordinator(),
        TemperatureCoordinator(),
        ClockCoordinator(devices.make_time_service()),
        UsbCoordinator(devices.make_usb_bus(), known, guard=config.usb.guard),
        SoftwareCoordinator(versions_of(packs), storage.data_dir / VERSIONS_FILE),
        *_make_plugged(config),
    ]


def _make_plugged(config: BoothConfig) -> list[Coordinator]:
    found: list[Coordinator] = []
    if config.token.usb or config.token.reader_pattern:
        found.append(
            PluggedCoordinator(
                ReadingKind.TOKEN,
                devices.make_usb_bus(),
                config.token.usb,
                reader=re.compile(config.token.reader_pattern) if config.token.reader_pattern else None,
                readers=devices.pcsc_reader_names,
                stays=config.token.stays,
            )
        )
    if config.signature_pad.usb:
        bus = devices.make_usb_bus()
        found.append(PluggedCoordinator(ReadingKind.SIGNATURE_PAD, bus, config.signature_pad.usb))
    return found


def versions_of(packs: BoothPacks) -> Callable[[], Mapping[str, str]]:
    """Return what tells the versions of everything that can change under a booth."""
    fixed = {
        "app": version("evaluation-workstation"),
        "Qt": qVersion(),
        platform.system(): platform.release(),
    }
    return lambda: {**fixed, **{f"pack {name}": _serial(packs, name) for name in packs.main_site_ids()}}


def _serial(packs: BoothPacks, main_site_id: str) -> str:
    try:
        return str(packs.get(main_site_id).serial)
    except KioskError as error:
        return str(error.context.get("reason", "unusable"))
