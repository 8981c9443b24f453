"""The one typed model of a booth's configuration. Every setting is named, bounded and described here and only here.

The settings reference (docs/reference/settings.md) is generated from it; the loader reports against it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA_VERSION = 1


def _path(value: object) -> object:
    """TOML has no path type; strict mode would refuse the string."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot contain NUL")
    return Path(value) if isinstance(value, str) else value


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


def _url(value: str) -> str:
    """Refuse what the pattern lets through and no client can use: no host, or a port that is none."""
    parts = urlsplit(value)
    if value and (not parts.hostname or parts.port == 0):
        raise ValueError("not a URL with a host")
    return value


def _sdk_port(value: int) -> int:
    if not (1 <= value <= 16 or 1001 <= value <= 1016):
        raise ValueError("must be 1 to 16 (serial) or 1001 to 1016 (USB)")
    return value


ConfigPath = Annotated[Path, BeforeValidator(_path)]
Expression = Annotated[str, AfterValidator(_expression)]
Port = Annotated[int, Field(ge=1, le=65535)]
UsbId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]
HexBytes = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2}){0,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
SamId = Annotated[str, Field(pattern=r"^\d{2}\.\d{2}-\d{8}-\d{10}-\d{10}$")]
ActionName = Literal["turn-left", "turn-right", "blink", "open-mouth"]
PackKey = Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
"""An Ed25519 public key: 32 bytes in base64url, whose last letter leaves two bits unused and therefore zero."""
FedPart = Literal["booth", "switch", "room"]
CardTypeName = Literal["resident", "hk-mo-tw-resident", "foreign-resident-2017", "foreign-resident-2023"]


def _list_of_ups(value: object) -> object:
    """A booth had one UPS once, in a table."""
    if isinstance(value, dict):
        # pydantic turns a ValueError into a problem of the file, and lets a TypeError through.
        raise ValueError(  # noqa: TRY004
            'is a list now: [[ups]] with id and feeds for each UPS, and none instead of driver = "none"'
        )
    return value


class Mode(StrEnum):
    """Production refuses every simulated device; drill (演练) shows its band and may use them."""

    PRODUCTION = "production"
    DRILL = "drill"


class Section(BaseModel):
    """Base of every section: immutable, exact types, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Place(Section):
    """Which booth this is."""

    booth_id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="The booth's name at the site server, such as xy-shihe-2-03."
    )


class Site(Section):
    """The site server (站点服务器)."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        default="",
        pattern=r"^(https?://[^/?#\s]+)?$",
        description="Base URL. Empty: the booth starts its own embedded server on loopback. http only for loopback.",
    )
    token_file: ConfigPath | None = Field(
        default=None, description="File with the booth's bearer token. Needed when url is set."
    )
    ca_file: ConfigPath | None = Field(
        default=None, description="PEM file with the site's certificate authority. Default: the system's."
    )
    timeout_s: float = Field(default=5.0, ge=0.5, le=60, description="Longest wait for one answer, in seconds.")


class MainSite(Section):
    """The main sites (主场), and whose environment packs (主场环境包) this booth believes."""

    site_id: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$",
        description="This sub-site's name in a pack's audience. Empty: only packs made for every sub-site.",
    )
    pack_keys: list[PackKey] = Field(
        default=[], max_length=20, description='Keys that may sign packs, as "kiosk-config pack keygen" prints them.'
    )
    preflight_at: str = Field(
        default="15:00",
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$",
        description="When the booth tries the main sites on the day before a booking, HH:MM at the site. Empty: never.",
    )
    certificate_file: ConfigPath | None = Field(
        default=None, description="PEM file with the booth's client certificate and its intermediates."
    )
    key_file: ConfigPath | None = Field(
        default=None, description="PEM file with that certificate's key, without a passphrase; only the booth reads it."
    )


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


class Ups(Section):
    """One uninterruptible power supply; a section for each. Without any the booth says 未接入监测, never green."""

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="What it is called here and at the site, such as booth-ups."
    )
    feeds: list[FedPart] = Field(
        min_length=1, description=f"What loses power with it: {', '.join(get_args(FedPart))} (the whole room)."
    )
    driver: Literal["nut", "apcupsd", "snmp", "simulated"] = Field(
        default="nut",
        description="How it is asked: NUT's upsd, apcupsd's network server, or its own SNMP card (RFC 1628).",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Host of upsd or apcupsd, or the UPS's SNMP card.")
    port: int = Field(
        default=0, ge=0, le=65535, description="Port there. 0: 3493 of NUT, 3551 of apcupsd, 161 of SNMP."
    )
    name: str = Field(default="booth", pattern="^[ -~]+$", description="Name of the UPS at upsd (driver nut).")
    username: str = Field(
        default="", pattern="^[ -~]*$", description="Account at upsd, or SNMPv3 user. Empty: none, or SNMPv2c."
    )
    password_file: ConfigPath | None = Field(default=None, description="File with that account's password at upsd.")
    ca_file: ConfigPath | None = Field(
        default=None, description="PEM file with upsd's certificate authority. When set, nothing is said without TLS."
    )
    community_file: ConfigPath | None = Field(default=None, description="File with the community of SNMPv2c.")
    auth: Literal["sha1", "sha256", "sha384", "sha512"] = Field(
        default="sha256", description="How the SNMPv3 user is authenticated."
    )
    auth_file: ConfigPath | None = Field(default=None, description="File with that user's authentication passphrase.")
    privacy: Literal["aes128", "aes192", "aes256"] = Field(
        default="aes128", description="How SNMPv3 is encrypted, where privacy_file is set."
    )
    privacy_file: ConfigPath | None = Field(
        default=None, description="File with that user's privacy passphrase. Without: authenticated, not encrypted."
    )
    poll_s: float = Field(default=5.0, ge=1, le=60, description="Time between two polls, in seconds.")


class Face(Section):
    """Face comparison and liveness detection."""

    liveness_actions: list[ActionName] = Field(
        default=["turn-left", "turn-right", "blink", "open-mouth"],
        description=(
            f"What an expert may be asked to do: {', '.join(get_args(ActionName))}. Empty: no liveness detection. "
            "Without a turn, flat pictures are not told from heads."
        ),
    )
    liveness_count: int = Field(default=3, ge=1, le=4, description="How many actions are asked for, in random order.")

    engine: Literal["onnx", "dlib"] = Field(
        default="onnx",
        description="What describes a face: the networks of models_dir, or dlib's, which sends far more experts to the "
        "human at the same false match rate (docs/face-accuracy.md).",
    )
    models_dir: ConfigPath | None = Field(
        default=None, description="Folder with manifest.json and the models. Default: the ones that ship."
    )


class Presence(Section):
    """Who sits in the booth during the evaluation (E-701 to E-704, E-405, E-406)."""

    watch: bool = Field(default=True, description="Watch the seat by camera. Without it only 暂离 locks the booth.")
    away_notice_s: float = Field(default=20.0, ge=1, le=600, description="An empty seat is mentioned, in seconds.")
    away_lock_s: float = Field(default=60.0, ge=2, le=3600, description="An empty seat locks the booth, in seconds.")
    away_report_s: float = Field(
        default=300.0, ge=2, le=7200, description="The administrator is told of a seat left and locked, in seconds."
    )
    leave_s: float = Field(
        default=900.0, ge=2, le=7200, description="Longest 暂离 before the administrator is told, in seconds."
    )
    others_notice_s: float = Field(default=3.0, ge=1, le=600, description="A second person is mentioned, in seconds.")
    others_alarm_s: float = Field(
        default=15.0, ge=2, le=3600, description="The administrator is told of a second person, in seconds."
    )
    camera_lock_s: float = Field(
        default=180.0, ge=2, le=3600, description="A lost or covered camera locks the booth, in seconds."
    )


class Storage(Section):
    """Where the booth keeps its journal."""

    data_dir: ConfigPath = Field(
        default=Path("/var/lib/evaluation-workstation"), description="Folder of the journal; made with mode 0700."
    )
    min_free_mb: int = Field(
        default=500, ge=50, description="Below this free space no new visit starts (E-605), in MiB."
    )


class Screen(Section):
    """What the expert sees."""

    language: Literal["zh_CN", "en"] = Field(default="zh_CN", description="Language of every text.")
    fullscreen: bool = Field(default=True, description="Whole screen, no frame. Production requires it.")
    large_text: bool = Field(default=False, description="Start with the large text size.")


class Drill(Section):
    """Drill mode only."""

    bench_file: ConfigPath | None = Field(default=None, description="State file of the drill bench (演练台).")


class BoothConfig(Section):
    """A whole configuration file."""

    schema_version: Literal[1] = Field(description="Version of this format.")
    mode: Annotated[Mode, Field(strict=False)] = Field(
        default=Mode.PRODUCTION, description="production, or drill (演练) with simulated devices and a band on screen."
    )
    place: Place
    site: Site = Site()
    main_site: MainSite = MainSite()
    reader: Reader = Reader()
    photo: Photo = Photo()
    camera: Camera = Camera()
    headset: Headset = Headset()
    ups: Annotated[list[Ups], BeforeValidator(_list_of_ups)] = Field(
        default=[], max_length=16, description="The uninterruptible power supplies; see [[ups]]."
    )
    face: Face = Face()
    presence: Presence = Presence()
    storage: Storage = Storage()
    screen: Screen = Screen()
    drill: Drill = Drill()

    @property
    def is_drill(self) -> bool:
        """Whether simulated devices are allowed."""
        return self.mode is Mode.DRILL
