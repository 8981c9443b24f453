"""Makes the devices a configuration asks for. With ``app.py`` the only file that sees concrete drivers."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from drivers.camera.opencv import OpenCvCamera
from drivers.contracts import Assurance, Camera, CardReader, Headset, Image, PhotoDecoder, Ups
from drivers.idcard.pcsc import PcscCardReader
from drivers.simulated.bench import BenchFile
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.headset import SimulatedHeadset
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.ups import SimulatedUps
from drivers.ups.nut import NutUps
from kiosk_config.model import BoothConfig


class NoPhotoDecoder:
    """No decoder is installed: the photo block stays closed, and a human compares."""

    def decode(self, photo_block: bytes) -> Image | None:  # noqa: ARG002 - the contract's signature
        """Return ``None``, always: never a made-up picture."""
        return None


def make_reader(config: BoothConfig) -> CardReader:
    """Return the card reader."""
    if config.reader.driver == "simulated":
        return SimulatedCardReader(_bench(config))
    assurance = Assurance.UNVERIFIED if config.is_drill else Assurance.SAM_AUTHENTICATED
    return PcscCardReader(config.reader.name_pattern, assurance)


def make_decoder(config: BoothConfig) -> PhotoDecoder:
    """Return what opens the card's photo block. Vendor decoders come with the deployer's library."""
    return DrillPhotoDecoder() if config.is_drill else NoPhotoDecoder()


def make_camera(config: BoothConfig) -> Camera:
    """Return the camera."""
    camera = config.camera
    if camera.driver == "simulated":
        return SimulatedCamera(_bench(config))
    source = int(camera.source) if camera.source.isdecimal() else camera.source
    return OpenCvCamera(source, camera.width, camera.height, camera.fps)


def make_headset(config: BoothConfig) -> Headset:
    """Return the headset."""
    if config.headset.driver == "simulated":
        return SimulatedHeadset(_bench(config))
    # libpulse is loaded at import; a booth of another sound system must start without it.
    from drivers.headset.pulse import PulseHeadset  # noqa: PLC0415

    return PulseHeadset(config.headset.playback, config.headset.capture)


def make_ups(config: BoothConfig) -> Ups | None:
    """Return the UPS, ``None`` when the booth is not connected to one (shown as such, never as good)."""
    match config.ups.driver:
        case "simulated":
            return SimulatedUps(_bench(config))
        case "nut":
            return NutUps(config.ups.host, config.ups.port, config.ups.name)
        case "none":
            return None


def models_dir(config: BoothConfig) -> Path:
    """Return the folder of the face models."""
    return config.face.models_dir or Path(str(files("assets") / "models"))


def _bench(config: BoothConfig) -> BenchFile:
    if config.drill.bench_file is None:
        raise ValueError("the loader lets no simulated device through without a bench file")
    return BenchFile(config.drill.bench_file)
