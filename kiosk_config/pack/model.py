"""What stands in a main-site environment pack (主场环境包). Everything the locked browser may do comes from here.

An administrator writes it as TOML; a booth only ever sees it signed (``kiosk_config.pack.signing``).
"""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

LOOPBACK_NAMES = frozenset({"localhost"})

DocumentType = Literal["pdf", "png", "jpeg", "text"]
"""Documents that the booth can show by itself."""


def _origin(value: str) -> str:
    """``scheme://host[:port]`` with nothing behind it; plain http only to this machine (a drill)."""
    parts = urlsplit(value)
    if f"{parts.scheme}://{parts.netloc}" != value or not parts.hostname or "@" in parts.netloc or parts.port == 0:
        raise ValueError("must be scheme://host[:port] and nothing else")
    _require_tls(parts.scheme, parts.hostname)
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or "@" in parts.netloc or parts.port == 0 or parts.fragment:
        raise ValueError("must be an address with a host, without user and fragment")
    _require_tls(parts.scheme, parts.hostname)
    return value


def _require_tls(scheme: str, host: str) -> None:
    if scheme not in {"https", "http"}:
        raise ValueError("must be https")
    if scheme == "http" and not is_loopback(host):
        raise ValueError("must be https; http goes to this machine only, in a drill")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its address or its reserved name (RFC 6761 section 6.3)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def _path(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._~!$&'()*+,=:@/-]*", value) or "//" in value or "/." in value:
        raise ValueError("must be a path that starts with /, without %, ;, // and /.")
    return value


OriginText = Annotated[str, Field(max_length=300), AfterValidator(_origin)]
Address = Annotated[str, Field(max_length=1000), AfterValidator(_address)]
PathPrefix = Annotated[str, Field(max_length=300), AfterValidator(_path)]
Host = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Selector = Annotated[str, Field(max_length=300)]
"""A CSS selector (Selectors Level 4); "" where none is needed."""
PackageName = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9+.-]*)?$", max_length=100)]
PackageVersion = Annotated[str, Field(pattern=r"^([0-9][A-Za-z0-9.+~:-]*)?$", max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
MainSiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Section(BaseModel):
    """Base of every part: immutable, no unknown keys."""

    # Built when first used, and each but once: a booth imports this at its start, before its first screen.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class OriginRule(Section):
    """An origin (RFC 6454) that the browser may load from.

    Attributes:
        subdomains: names below the host count too; never for an IP address.
        paths: path prefixes, whole segments: ``/a`` allows ``/a`` and ``/a/b``, not ``/ab``. Empty: every path.
    """

    origin: OriginText
    subdomains: bool = False
    paths: tuple[PathPrefix, ...] = ()


class Pin(Section):
    """Keys that a host may present: SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4), hex."""

    host: Host
    keys: Annotated[tuple[Sha256, ...], Field(min_length=1)]


class ClientCertificate(Section):
    """Who gets a client certificate (RFC 8446 section 4.3.2): the booth's own, or that on the expert's token."""

    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    source: Literal["booth", "token"]


class TicketGet(Section):
    """The ticket goes into the query of a GET."""

    kind: Literal["ticket-get"] = "ticket-get"
    url: Address
    parameter: Name = "ticket"


class TicketPost(Section):
    """The ticket is posted as a form (application/x-www-form-urlencoded)."""

    kind: Literal["ticket-post"] = "ticket-post"
    url: Address
    field: Name = "ticket"


class TicketHeader(Section):
    """The ticket travels in a header of the first request only, with ``scheme`` before it: ``Bearer ...``."""

    kind: Literal["ticket-header"] = "ticket-header"
    url: Address
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    scheme: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,32}$")] = "Bearer"


class OidcInitiation(Section):
    """Login started by a third party (OpenID Connect Core 1.0 section 4): the ticket is the ``login_hint``."""

    kind: Literal["oidc"] = "oidc"
    url: Address
    issuer: Address
    target: Address | None = None


class AccountForm(Section):
    """The site's account for this expert is typed into the login form of the main site.

    Attributes:
        refused: what is to be seen on the page when the account was not taken; the form in a new document says so too.
        tries: after this many refusals the booth stops, before the main site locks the account (E-506).
    """

    kind: Literal["account"] = "account"
    url: Address
    user: Annotated[Selector, Field(min_length=1)]
    password: Annotated[Selector, Field(min_length=1)]
    submit: Annotated[Selector, Field(min_length=1)]
    refused: Selector = ""
    tries: Annotated[int, Field(ge=1, le=3)] = 2


Launch = Annotated[TicketGet | TicketPost | TicketHeader | OidcInitiation | AccountForm, Field(discriminator="kind")]


class PageMark(Section):
    """How to tell a page: it lies at or below one of ``paths`` of ``origin``, and has an element ``selector``.

    Attributes:
        paths: as in ``OriginRule``; empty: every path.
        selector: "" when the address says enough.
    """

    origin: OriginText
    paths: tuple[PathPrefix, ...] = ()
    selector: Selector = ""


class MediaRule(Section):
    """An origin that may use camera or microphone."""

    origin: OriginText
    camera: bool = False
    microphone: bool = False


class Documents(Section):
    """Which documents may come into the expert's session folder, and which may leave it. Nothing by default.

    Attributes:
        max_mb: bound of all documents of a session together, in MiB; they lie in memory where the booth can.
    """

    download: tuple[DocumentType, ...] = ()
    upload: tuple[DocumentType, ...] = ()
    max_mb: Annotated[int, Field(ge=1, le=2000)] = 100


class Component(Section):
    """Something that this main site needs on the booth (CA driver, plug-in).

    Attributes:
        path: the file that has to be there with this digest.
        package: the Debian package that brings it, "" when none does.
        minimum: lowest version of ``package``, in Debian's order; "" for any.
    """

    name: Name
    path: Annotated[str, Field(pattern=r"^/[^\x00]*$", max_length=500)]
    sha256: Sha256
    package: PackageName = ""
    minimum: PackageVersion = ""


class Browser(Section):
    """How the locked browser presents itself.

    Attributes:
        user_agent: "" for the engine's own.
        zoom: 1.0 is the size that the main site designed.
        page_bridge: whether pages find ``window.workstation``.
        http_authentication: whether the main site may ask for a password by HTTP (RFC 9110 section 11).
    """

    user_agent: Annotated[str, Field(pattern=r"^[\x20-\x7e]*$", max_length=300)] = ""
    zoom: Annotated[float, Field(ge=0.5, le=3.0)] = 1.0
    page_bridge: bool = False
    http_authentication: bool = False


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return value


def _folder_path(value: str) -> str:
    parts = value.split("/")
    if not re.fullmatch(r"[A-Za-z0-9._ /-]+", value) or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("must be a path below the client's home folder, of letters, digits and . _ - / only")
    return value


Pattern = Annotated[str, Field(max_length=200), AfterValidator(_pattern)]
"""A regular expression of Python's ``re``, looked for anywhere in the text; "" fits everything."""
CommandWord = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=1000)]


class ClientFile(Section):
    """A small text that the client finds in its home folder: settings that spare the expert its first-run questions.

    Attributes:
        path: below the home folder, such as ``.config/Mumble/Mumble.conf``.
        text: with the placeholders of ``ExternalClient``.
    """

    path: Annotated[str, Field(max_length=200), AfterValidator(_folder_path)]
    text: Annotated[str, Field(max_length=20_000)]


class ClientWindow(Section):
    """How to tell the client's main window from its others (X11: WM_CLASS as ``instance class``, and its title)."""

    wm_class: Pattern = ""
    title: Pattern = ""


class ExternalClient(Section):
    """A native conference program that the booth starts beside the main site's page.

    In ``command`` and in the texts of ``files`` stand ``{meeting}``, ``{password}``, ``{alias}`` and ``{server}``;
    ``{alias:url}`` and the like are percent-encoded (RFC 3986 section 2.1). Meeting and password come with the roster.

    Attributes:
        command: the program and its arguments, one word each; no shell ever sees them.
        server: what ``{server}`` stands for.
        password_by: how the client is told the password. Arguments can be read by every process of the same user.
        password_variable: the environment variable for it.
        sha256, package, minimum: of the program, as for ``Component``; "" where it need not be checked.
        window: its main window.
        ready_s: the main window must be there after so long, seconds.
        close_s: how long the client may take after its main window was asked to close; 0: it is not asked.
        terminate_s: how long it may take after SIGTERM; then it is killed.
        restarts: how often it is started again after it ended or hung.
    """

    command: Annotated[tuple[CommandWord, ...], Field(min_length=1, max_length=50)]
    server: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=300)] = ""
    password_by: Literal["argument", "environment", "file"] = "environment"  # noqa: S105 - the way of it
    password_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = "CONFERENCE_PASSWORD"  # noqa: S105 - a name
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    package: PackageName = ""
    minimum: PackageVersion = ""
    window: ClientWindow
    files: Annotated[tuple[ClientFile, ...], Field(max_length=20)] = ()
    ready_s: Annotated[float, Field(ge=1, le=120)] = 20.0
    close_s: Annotated[float, Field(ge=0, le=30)] = 3.0
    terminate_s: Annotated[float, Field(ge=0, le=30)] = 3.0
    restarts: Annotated[int, Field(ge=0, le=20)] = 3

    @model_validator(mode="after")
    def _has_sense(self) -> Self:
        if not self.command[0].startswith("/") or "{" in self.command[0]:
            raise ValueError("the first word of command must be the program's absolute path")
        if not (self.window.wm_class or self.window.title):
            raise ValueError("window needs wm_class or title")
        return self


def _covers(rule: OriginRule, host: str) -> bool:
    parts = urlsplit(rule.origin)
    name = parts.hostname or ""
    return parts.scheme == "https" and (host == name or (rule.subdomains and host.endswith(f".{name}")))


class MainSitePack(Section):
    """A whole pack.

    Attributes:
        serial: rises with every issue; a booth never goes back to a lower one.
        audience: the sub-sites it is made for; empty: any.
        fallback: the login form to use when the main site refused three tickets (E-505) and the expert has an account.
        arrived: the page that the expert must come to before the booth says that they are in.
        signed_out: the page that the main site shows when its session is over (E-507).
        certificate_authorities: PEM of a private authority of the main site, if it has one.
        external_client: the program of an external conference, and only of one.
    """

    schema_version: Literal[1] = 1
    main_site_id: MainSiteId
    name: Name
    serial: Annotated[int, Field(ge=1, le=2**53 - 1)]
    issued_at: AwareDatetime
    valid_until: AwareDatetime
    audience: tuple[MainSiteId, ...] = ()
    origins: Annotated[tuple[OriginRule, ...], Field(min_length=1, max_length=200)]
    launch: Launch
    fallback: AccountForm | None = None
    arrived: PageMark
    signed_out: PageMark | None = None
    pins: tuple[Pin, ...] = ()
    certificate_authorities: tuple[Annotated[str, Field(max_length=10_000)], ...] = ()
    client_certificate: ClientCertificate | None = None
    components: tuple[Component, ...] = ()
    documents: Documents = Documents()
    media: tuple[MediaRule, ...] = ()
    browser: Browser = Browser()
    conference: Literal["none", "built-in", "external"] = "none"
    external_client: ExternalClient | None = None

    @model_validator(mode="after")
    def _has_sense(self) -> Self:
        if self.valid_until <= self.issued_at:
            raise ValueError("valid_until must be after issued_at")
        named = {rule.origin for rule in self.origins}
        used = [self.arrived.origin, *(rule.origin for rule in self.media)]
        if self.signed_out is not None:
            used.append(self.signed_out.origin)
        for origin in used:
            if origin not in named:
                raise ValueError(f"{origin} is not among the origins")
        for pin in self.pins:
            if not any(_covers(rule, pin.host) for rule in self.origins):
                raise ValueError(f"the pinned host {pin.host} is at no https origin")
        if self.fallback is not None and isinstance(self.launch, AccountForm):
            raise ValueError("fallback is for launches that take a ticket")
        if (self.external_client is not None) != (self.conference == "external"):
            raise ValueError('external_client and conference = "external" need each other')
        return self

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether ``moment`` lies within the pack's time."""
        return self.issued_at <= moment < self.valid_until

    @property
    def needs_drill(self) -> bool:
        """Whether something in it speaks plain http, which only a drill may do."""
        doors = [self.launch] if self.fallback is None else [self.launch, self.fallback]
        addresses = [rule.origin for rule in self.origins] + [door.url for door in doors]
        return any(urlsplit(address).scheme != "https" for address in addresses)
