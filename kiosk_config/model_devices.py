"""The sections about what is plugged into a booth, but for the UPS."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from .fields import ConfigPath, Expression, Section

UsbId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]
UsbDeviceId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]
HexBytes = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2}){0,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
SamId = Annotated[str, Field(pattern=r"^\d{2}\.\d{2}-\d{8}-\d{10}-\d{10}$")]
CardTypeName = Literal["resident", "hk-mo-tw-resident", "foreign-resident-2017", "foreign-resident-2023"]


def _sdk_port(value: int) -> int:
    if not (1 <= value <= 16 or 1001 <= value <= 1016):
        raise ValueError("must be 1 to 16 (serial) or 1001 to 1016 (USB)")
    return value


class ReaderSerial(Section):
    """An ID card reader on a serial port (driver "serial")."""

    port: str = Field(default="/dev/ttyUSB0", min_length=1, description="Serial port, such as /dev/ttyUSB0 or COM3.")
    baud: Literal[0, 115200, 57600, 38400, 19200, 9600] = Field(
        default=0, description="Speed in baud. 0: try 115200 down to 9600 and keep what answers."
    )


class ReaderUsb(Section):
    """An ID card reader on USB that is no PC/SC reader (driver "usb")."""

    vendor_id: UsbId = Field(default="0400", description="USB vendor id, four hex digits.")
    product_id: UsbId = Field(default="c35a", description="USB product id, four hex digits.")
    framing: Literal["split", "whole"] = Field(
        default="split", description="Head and body of a frame in two transfers on two endpoints, or in one."
    )


class ReaderEscape(Section):
    """SDT frames in PC/SC control calls (driver "pcsc-escape")."""

    control_code: int = Field(
        default=0, ge=0, le=0xFFFFFFFF, description="Code of the control call. 0: ask the reader (CCID_ESC_COMMAND)."
    )
    prefix: HexBytes = Field(default="", description="Bytes the reader wants before a frame, in hex.")
    suffix: HexBytes = Field(default="", description="Bytes the reader wants after a frame, in hex.")


class ReaderVendor(Section):
    """A vendor's library for its reader (driver "vendor"); runs in a process of its own."""

    profile: Literal["sdt", "cvr", "syn"] = Field(default="sdt", description="Which functions the library has.")
    library: ConfigPath | None = Field(default=None, description="Absolute path of the library.")
    sha256: Sha256 = Field(default="", description="SHA-256 of the library file. Needed with library.")
    port: Annotated[int, AfterValidator(_sdk_port)] = Field(
        default=1001, description="Port number: 1 to 16 serial, 1001 to 1016 USB."
    )
    helper: ConfigPath | None = Field(
        default=None, description="Python program of the library's word size. Default: the kiosk's own."
    )


class Reader(Section):
    """The ID card reader."""

    driver: Literal["pcsc", "pcsc-escape", "pcsc-storage", "pcsc-uid", "serial", "usb", "vendor", "simulated"] = Field(
        default="pcsc",
        description='How the reader is reached. "pcsc-uid" sees that a card lies there and can never read it.',
    )
    name_pattern: Expression = Field(
        default="", description="Regular expression on the PC/SC reader name. Empty: the first reader."
    )
    timeout_s: float = Field(default=8.0, ge=1, le=30, description="Longest time for one card, in seconds.")
    sam_ids: list[SamId] = Field(
        default=[], description="SAM ids of the readers this booth accepts (E-110 for others). Empty: any."
    )
    card_types: list[CardTypeName] = Field(
        default=["resident", "hk-mo-tw-resident", "foreign-resident-2017", "foreign-resident-2023"],
        min_length=1,
        description=f"Kinds of card that may sign in: {', '.join(get_args(CardTypeName))}.",
    )
    newest_address: bool = Field(default=False, description="Also read the address written to the card after a move.")
    serial: ReaderSerial = ReaderSerial()
    usb: ReaderUsb = ReaderUsb()
    escape: ReaderEscape = ReaderEscape()
    vendor: ReaderVendor = ReaderVendor()


class Photo(Section):
    """The card's photo, which only a vendor's library can open."""

    decoder: Literal["none", "GetBmp", "dewlt", "unpack", "wlt2Bmp"] = Field(
        default="none", description="The function of the library that opens photo blocks."
    )
    library: ConfigPath | None = Field(default=None, description="Absolute path of the library.")
    sha256: Sha256 = Field(default="", description="SHA-256 of the library file. Needed with library.")
    argument: int = Field(
        default=0, ge=0, le=65535, description="Last argument of GetBmp (1 serial, 2 USB) and unpack (vendor's code)."
    )
    channel_order: Literal["BGR", "RGB"] = Field(default="BGR", description="Order of the colours in the picture.")
    flip: Literal["none", "vertical", "horizontal", "both"] = Field(
        default="none", description="How the picture has to be turned over."
    )
    helper: ConfigPath | None = Field(
        default=None, description="Python program of the library's word size. Default: the kiosk's own."
    )
    missing: Literal["manual", "server_photo", "deny"] = Field(
        default="manual",
        description="Without a picture from the card: a human compares, the site's photo is used, or no sign-in.",
    )


class Camera(Section):
    """The booth's camera."""

    driver: Literal["opencv", "simulated"] = Field(default="opencv", description="How pictures are captured.")
    source: str = Field(
        default="",
        description="Path (/dev/v4l/by-id/...) or number of the device, video file, or image sequence pattern"
        " (%03d.jpg). Empty: the first camera found.",
    )
    width: int = Field(default=640, ge=320, le=3840, description="Wanted width in pixels; the nearest mode is used.")
    height: int = Field(default=480, ge=240, le=2160, description="Wanted height in pixels.")
    fps: int = Field(default=15, ge=5, le=60, description="Wanted frames a second; below the half the camera is WARN.")


class Headset(Section):
    """The headset worn by the expert."""

    driver: Literal["pulse", "portaudio", "simulated"] = Field(
        default="pulse",
        description="Which sound system is asked. PortAudio is for Windows and sets neither default nor volumes.",
    )
    playback: Expression = Field(
        default="", description="Name of the sink or device (regular expression). Empty: the default one."
    )
    capture: Expression = Field(
        default="", description="Name of the source or device (regular expression). Empty: the default one."
    )
    spare_playback: Expression = Field(
        default="", description="Sink of the headset that stands in. Empty: any other that says it is a headset."
    )
    spare_capture: Expression = Field(
        default="", description="Source of the headset that stands in. Empty: any other that says it is a headset."
    )
    playback_volume: int = Field(default=70, ge=5, le=100, description="Volume in the ears, in percent.")
    capture_volume: int = Field(default=80, ge=5, le=100, description="Level of the microphone, in percent.")


class Token(Section):
    """The signing certificate's USB key (CA 锁, U 盾). Only looked for, never opened. Unset: not watched."""

    usb: list[UsbDeviceId] = Field(
        default=[], max_length=50, description='USB ids, "vendor:product", of keys that the main sites accept.'
    )
    reader_pattern: Expression = Field(
        default="", description="Regular expression on the PC/SC reader name of such keys. Empty: not looked at."
    )
    stays: bool = Field(
        default=False,
        description="The key belongs to the booth: without it the booth is faulty. Else experts bring it.",
    )


class SignaturePad(Section):
    """The signature pad (签字板). Only looked for, never opened. Unset: not watched."""

    usb: list[UsbDeviceId] = Field(default=[], max_length=20, description='USB ids, "vendor:product"; any of them.')


class Usb(Section):
    """What may be plugged into the booth (E-706)."""

    guard: bool = Field(
        default=True, description="A USB device that carries files and is not registered is an alarm (E-706)."
    )
    allowed: list[UsbDeviceId] = Field(
        default=[],
        max_length=50,
        description='USB ids, "vendor:product", of those that belong here. Keys and pads named above always do.',
    )
