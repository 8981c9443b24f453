"""Makes the devices a configuration asks for. With ``app.py`` the only file that sees concrete drivers."""

from __future__ import annotations

import logging
import sys
from importlib.resources import files
from pathlib import Path

from drivers.camera.hub import CameraHub
from drivers.camera.opencv import OpenCvCamera
from drivers.contracts import Feeds, Headset, Supply, Ups
from drivers.headset.portaudio import PortAudioHeadset
from drivers.idcard.discovery import pcsc_readers
from drivers.machine.chrony import Chrony
from drivers.machine.kernel_events import KernelPlugEvents
from drivers.machine.usb_bus import SysfsUsbBus
from drivers.machine_facts import PlugEvents, TimeService, UsbBus
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.headset import SilentStreams, SimulatedHeadset
from drivers.simulated.ups import SimulatedUps
from drivers.ups import apcupsd, nut
from drivers.ups.apcupsd import ApcupsdUps
from drivers.ups.nut import NutUps
from drivers.ups.secret import secret_in
from kiosk_config.model import BoothConfig
from kiosk_config.model import Ups as UpsSettings
from workstation.certificate import BoothCertificate
from workstation.conference.external.run import StreamMuter
from workstation.face.engines import EngineKind
from workstation.face.liveness import Action, ChallengePolicy
from workstation.readers import bench_of
from workstation.spawn import module_command

_log = logging.getLogger(__name__)


def make_camera(config: BoothConfig) -> CameraHub:
    """Return the hub of the booth's one camera; everything that looks at pictures is a reader of it."""
    camera = config.camera
    if camera.driver == "simulated":
        return CameraHub(SimulatedCamera(bench_of(config)))
    source = int(camera.source) if camera.source.isdecimal() else camera.source
    return CameraHub(OpenCvCamera(source, camera.width, camera.height, camera.fps))


def make_headset(config: BoothConfig) -> Headset:
    """Return the headset."""
    headset = config.headset
    if headset.driver == "simulated":
        return SimulatedHeadset(bench_of(config))
    if headset.driver == "portaudio":
        return PortAudioHeadset(
            module_command("drivers.headset.enumeration"),
            headset.playback,
            headset.capture,
            spare_playback=headset.spare_playback,
            spare_capture=headset.spare_capture,
        )
    # libpulse is loaded at import; a booth of another sound system must start without it.
    from drivers.headset.pulse import PulseHeadset  # noqa: PLC0415

    return PulseHeadset(
        headset.playback,
        headset.capture,
        spare_playback=headset.spare_playback,
        spare_capture=headset.spare_capture,
        playback_volume=headset.playback_volume,
        capture_volume=headset.capture_volume,
    )


def make_stream_muter(config: BoothConfig) -> StreamMuter:
    """Return what silences other programs at the sound server."""
    if config.headset.driver == "simulated" or sys.platform == "win32":
        # Windows: no external client runs there (it needs X11), so nobody is to be silenced.
        return SilentStreams()
    from drivers.headset.streams import ProcessStreams  # noqa: PLC0415 - as for ``make_headset``

    return ProcessStreams()


def make_supplies(config: BoothConfig) -> tuple[Supply, ...]:
    """Return the booth's UPSes; none is a booth that is not monitored (shown as such, never as good)."""
    return tuple(
        Supply(id=ups.id, feeds=frozenset(map(Feeds, ups.feeds)), ups=_make_ups(ups, config), poll_s=ups.poll_s)
        for ups in config.ups
    )


def _make_ups(settings: UpsSettings, config: BoothConfig) -> Ups:
    match settings.driver:
        case "simulated":
            return SimulatedUps(bench_of(config))
        case "nut":
            return NutUps(
                settings.host,
                settings.port or nut.PORT,
                settings.name,
                username=settings.username,
                password=None if settings.password_file is None else secret_in(settings.password_file),
                ca_file=settings.ca_file,
            )
        case "apcupsd":
            return ApcupsdUps(settings.host, settings.port or apcupsd.PORT)
        case "snmp":
            return _make_snmp_ups(settings)


def _make_snmp_ups(settings: UpsSettings) -> Ups:
    # pysnmp takes a while to load: only where there is such a UPS.
    from drivers.ups.snmp import PORT, Authentication, Community, Privacy, SnmpUps, User  # noqa: PLC0415

    credentials: Community | User
    if settings.community_file is not None:
        credentials = Community(name=secret_in(settings.community_file))
    elif settings.auth_file is not None:
        credentials = User(
            name=settings.username,
            passphrase=secret_in(settings.auth_file),
            authentication=Authentication(settings.auth),
            privacy_passphrase=None if settings.privacy_file is None else secret_in(settings.privacy_file),
            privacy=Privacy(settings.privacy),
        )
    else:
        raise ValueError("the loader lets no SNMP through without credentials")
    return SnmpUps(settings.host, settings.port or PORT, credentials)


def make_usb_bus() -> UsbBus:
    """Return what knows the plugged devices. Windows has no sysfs: nothing is known there, and said so."""
    return SysfsUsbBus()


def make_plug_events() -> PlugEvents | None:
    """Return what tells of plugging at once, ``None`` where the system does not tell us."""
    try:
        return KernelPlugEvents()
    except OSError as error:
        _log.info("no events of plugged devices: %s", error.strerror or error)
        return None


def make_time_service() -> TimeService:
    """Return who keeps the clock."""
    return Chrony()


def pcsc_reader_names() -> tuple[str, ...]:
    """Return the readers of PC/SC, ``()`` where its service is away. Opens none."""
    return pcsc_readers().names


def make_challenges(config: BoothConfig) -> ChallengePolicy:
    """Return what an expert is asked to do before the camera."""
    face = config.face
    return ChallengePolicy(actions=tuple(map(Action, face.liveness_actions)), count=face.liveness_count)


def face_engine(config: BoothConfig) -> EngineKind:
    """Return which engine the face worker loads."""
    return EngineKind(config.face.engine)


def models_dir(config: BoothConfig) -> Path:
    """Return the folder of the face models."""
    return config.face.models_dir or Path(str(files("assets") / "models"))


def booth_certificate(config: BoothConfig) -> BoothCertificate | None:
    """Return the booth's client certificate for main sites, ``None`` when it has none."""
    certificate_file, key_file = config.main_site.certificate_file, config.main_site.key_file
    if certificate_file is None or key_file is None:
        return None
    return BoothCertificate(certificate_file=certificate_file, key_file=key_file)
