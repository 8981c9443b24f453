"""The one typed model of a booth's configuration. Every setting is named, bounded and described here and only here.

The settings reference (docs/reference/settings.md) is generated from it; the loader reports against it.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import ConfigPath, Section
from .model_devices import Camera, Headset, Photo, Reader, SignaturePad, Token, Usb

SCHEMA_VERSION = 1


def _url(value: str) -> str:
    """Refuse what the pattern lets through and no client can use: no host, or a port that is none."""
    parts = urlsplit(value)
    if value and (not parts.hostname or parts.port == 0):
        raise ValueError("not a URL with a host")
    return value


ActionName = Literal["turn-left", "turn-right", "blink", "open-mouth"]
PackKey = Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
"""An Ed25519 public key: 32 bytes in base64url, whose last letter leaves two bits unused and therefore zero."""
FedPart = Literal["booth", "switch", "room"]


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


class Power(Section):
    """What is done when the mains are lost (E-601, E-602)."""

    warn_s: float = Field(
        default=1200.0, ge=60, le=7200, description="With less left, experts are asked to save (E-602), in seconds."
    )
    close_s: float = Field(
        default=300.0, ge=30, le=1800, description="With less left, the countdown to the power-off runs, in seconds."
    )
    required_hours: float = Field(
        default=4.0, ge=0, le=24, description="What the batteries have to carry by the rule. 0: not compared."
    )
    power_off: bool = Field(
        default=True,
        description="Power the machine off at the end of the countdown. false: upsmon does. Never in drill.",
    )


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
    keep_days: int = Field(
        default=90,
        ge=7,
        le=3660,
        description="Days after which an event that the site acknowledged leaves the booth's journal.",
    )


class Screen(Section):
    """What the expert sees."""

    language: Literal["zh_CN", "en"] = Field(default="zh_CN", description="Language of every text.")
    fullscreen: bool = Field(default=True, description="Whole screen, no frame. Production requires it.")
    large_text: bool = Field(default=False, description="Start with the large text size.")
    count: int = Field(
        default=1, ge=0, le=8, description="Screens of the booth; one more is an alarm (E-706). 0: any number."
    )


class OutageRule(Section):
    """What the local rule says of outages that last (2 h, 4 h), printed beside the clock; a section for each step."""

    outage: Literal["mains", "main-site", "site-server", "conference"] = Field(
        description="Which outage: of the mains, or of the way to the main site, the site server or the conference."
    )
    after_minutes: int = Field(ge=1, le=1440, description="From when on it holds, in minutes.")
    text: str = Field(
        min_length=1, max_length=60, description="What holds then, in the words of the rule, such as 中止评标."
    )


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
    power: Power = Power()
    token: Token = Token()
    signature_pad: SignaturePad = SignaturePad()
    usb: Usb = Usb()
    face: Face = Face()
    presence: Presence = Presence()
    storage: Storage = Storage()
    screen: Screen = Screen()
    outage_rule: list[OutageRule] = Field(
        default=[], max_length=20, description="The local rule on outages; see [[outage_rule]]."
    )
    drill: Drill = Drill()

    @property
    def is_drill(self) -> bool:
        """Whether simulated devices are allowed."""
        return self.mode is Mode.DRILL
