"""Makes the ID card reader and the photo decoder a configuration asks for. Part of the composition root."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from drivers.contracts import Assurance, CardReader, Image, PhotoDecoder
from drivers.idcard.pcsc import PcscCardReader
from drivers.idcard.pcsc_frames import EscapeFrames, StoragePages
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.serial_port import SerialPort
from drivers.idcard.uid import UidOnlyReader
from drivers.idcard.usb import UsbDevice
from drivers.idcard.vendor.channel import VendorChannel
from drivers.idcard.vendor.photo import VendorPhotoDecoder
from drivers.idcard.vendor.process import CHILD_FILE, PinnedLibrary
from drivers.simulated.bench import BenchFile
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.reader import SimulatedCardReader
from kiosk_config.model import BoothConfig
from workstation.spawn import module_command

VENDOR_CHILD = "drivers.idcard.vendor.child"


class NoPhotoDecoder:
    """No decoder is installed: the photo block stays closed, and ``photo.missing`` says what then."""

    def decode(self, photo_block: bytes) -> Image | None:  # noqa: ARG002 - the contract's signature
        """Return ``None``, always: never a made-up picture."""
        return None


def make_reader(config: BoothConfig) -> CardReader:
    """Return the card reader; nothing is opened yet."""
    reader = config.reader
    policy = ReadPolicy(
        assurance=Assurance.UNVERIFIED if config.is_drill else Assurance.SAM_AUTHENTICATED,
        sam_ids=frozenset(reader.sam_ids),
        newest_address=reader.newest_address,
    )
    match reader.driver:
        case "simulated":
            return SimulatedCardReader(bench_of(config))
        case "pcsc":
            return PcscCardReader(reader.name_pattern, policy)
        case "pcsc-escape":
            return PcscCardReader(reader.name_pattern, policy, _escape_frames(config))
        case "pcsc-storage":
            return PcscCardReader(reader.name_pattern, policy, StoragePages)
        case "pcsc-uid":
            return UidOnlyReader(reader.name_pattern)
        case "serial":
            return PolledSdtReader(SerialPort(reader.serial.port, reader.serial.baud).open, policy)
        case "usb":
            return PolledSdtReader(_usb_device(config).open, policy)
        case "vendor":
            return PolledSdtReader(partial(_open_vendor_channel, config), policy)


def make_decoder(config: BoothConfig) -> PhotoDecoder:
    """Return what opens the card's photo block. Without a library a drill still opens its own cards."""
    photo = config.photo
    if photo.decoder == "none":
        return DrillPhotoDecoder() if config.is_drill else NoPhotoDecoder()
    return VendorPhotoDecoder(
        _vendor_command(photo.helper),
        _pinned(photo.library, photo.sha256),
        form=photo.decoder,
        argument=photo.argument,
        channel_order=photo.channel_order,
        flip=photo.flip,
    )


def bench_of(config: BoothConfig) -> BenchFile:
    """Return the drill's bench."""
    if config.drill.bench_file is None:
        raise ValueError("the loader lets no simulated device through without a bench file")
    return BenchFile(config.drill.bench_file)


def _escape_frames(config: BoothConfig) -> partial[EscapeFrames]:
    escape = config.reader.escape
    return partial(
        EscapeFrames,
        control_code=escape.control_code,
        prefix=bytes.fromhex(escape.prefix),
        suffix=bytes.fromhex(escape.suffix),
    )


def _usb_device(config: BoothConfig) -> UsbDevice:
    usb = config.reader.usb
    return UsbDevice(vendor_id=int(usb.vendor_id, 16), product_id=int(usb.product_id, 16), framing=usb.framing)


def _open_vendor_channel(config: BoothConfig) -> VendorChannel:
    vendor = config.reader.vendor
    return VendorChannel(
        _vendor_command(vendor.helper),
        _pinned(vendor.library, vendor.sha256),
        profile=vendor.profile,
        port=vendor.port,
    )


def _vendor_command(helper: Path | None) -> list[str]:
    """A library of another word size needs a Python of that word size; that one runs the child as a plain file."""
    return module_command(VENDOR_CHILD) if helper is None else [str(helper), str(CHILD_FILE)]


def _pinned(library: Path | None, sha256: str) -> PinnedLibrary:
    if library is None:
        raise ValueError("the loader lets no library be used that is not named")
    return PinnedLibrary(path=library, sha256=sha256)
