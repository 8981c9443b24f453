"""A pack in words: what it allows, for the person who is about to sign or install it."""

from __future__ import annotations

from collections.abc import Iterator

from .model import (
    AccountForm,
    ExternalClient,
    MainSitePack,
    OidcInitiation,
    OriginRule,
    PageMark,
    TicketGet,
    TicketHeader,
    TicketPost,
)


def lines(pack: MainSitePack) -> Iterator[str]:
    """Yield the pack's meaning line by line."""
    yield f"main site:    {pack.name} ({pack.main_site_id})"
    yield f"serial:       {pack.serial}"
    yield f"valid:        {pack.issued_at.isoformat()} until {pack.valid_until.isoformat()}"
    yield f"made for:     {', '.join(pack.audience) or 'every sub-site'}"
    yield "may be opened:"
    yield from (f"  {_origin(rule)}" for rule in pack.origins)
    yield f"way in:       {_launch(pack)}"
    yield f"arrived at:   {_mark(pack.arrived)}"
    yield f"signed out at: {_mark(pack.signed_out) if pack.signed_out else 'not told'}"
    yield from _trust(pack)
    yield from _rights(pack)
    yield from _needs(pack)


def _origin(rule: OriginRule) -> str:
    below = ", and every name below it" if rule.subdomains else ""
    return f"{rule.origin}{below}{_paths(rule.paths)}"


def _paths(paths: tuple[str, ...]) -> str:
    return f", only {' '.join(paths)}" if paths else ""


def _mark(mark: PageMark) -> str:
    element = f", where {mark.selector} is on the page" if mark.selector else ""
    return f"{mark.origin}{_paths(mark.paths)}{element}"


def _launch(pack: MainSitePack) -> str:
    match pack.launch:
        case TicketGet(url=url, parameter=parameter):
            return f"ticket in the address of {url} ({parameter})"
        case TicketPost(url=url, field=field):
            return f"ticket posted as a form to {url} ({field})"
        case TicketHeader(url=url, header=header):
            return f"ticket in the header {header} of the first request to {url}"
        case OidcInitiation(url=url, issuer=issuer):
            return f"OpenID Connect login at {url}, issuer {issuer}"
        case AccountForm(url=url, tries=tries):
            return f"account typed into the form at {url}, at most {tries} time(s)"


def _trust(pack: MainSitePack) -> Iterator[str]:
    for pin in pack.pins:
        yield f"pinned:       {pin.host} to {len(pin.keys)} key(s): {', '.join(key[:16] + '…' for key in pin.keys)}"
    if pack.certificate_authorities:
        yield f"trusts:       {len(pack.certificate_authorities)} authority(ies) of the main site's own"
    if pack.client_certificate:
        whose = {"booth": "the booth's", "token": "the expert's"}[pack.client_certificate.source]
        yield f"certificate:  {whose}, shown to {', '.join(pack.client_certificate.hosts)}"


def _rights(pack: MainSitePack) -> Iterator[str]:
    documents = pack.documents
    yield f"downloads:    {', '.join(documents.download) or 'none'}, at most {documents.max_mb} MB"
    yield f"uploads:      {', '.join(documents.upload) or 'none'}"
    for rule in pack.media:
        devices = [name for name, allowed in (("camera", rule.camera), ("microphone", rule.microphone)) if allowed]
        yield f"media:        {rule.origin}: {', '.join(devices) or 'none'}"
    browser = pack.browser
    if browser.user_agent:
        yield f"user agent:   {browser.user_agent}"
    yield f"zoom:         {browser.zoom:.0%}"
    yield f"page bridge:  {'window.workstation' if browser.page_bridge else 'none'}"
    yield f"HTTP login:   {'allowed' if browser.http_authentication else 'refused'}"
    yield f"conference:   {pack.conference}"
    if pack.external_client is not None:
        yield from _client(pack.external_client)


def _client(client: ExternalClient) -> Iterator[str]:
    yield f"  runs:       {' '.join(client.command)}"
    if client.server:
        yield f"  server:     {client.server}"
    how = {
        "argument": "as an argument, which every program of the booth's user can read",
        "environment": f"in the variable {client.password_variable}",
        "file": "in a file of its home folder",
    }
    yield f"  password:   {how[client.password_by]}"
    yield f"  program:    {'only with the digest ' + client.sha256[:16] + '…' if client.sha256 else 'any version'}"
    yield from (f"  file:       {file.path}" for file in client.files)
    yield "  anonymity:  none; a project that covers faces or changes voices gets no conference"


def _needs(pack: MainSitePack) -> Iterator[str]:
    for component in pack.components:
        least = f" {component.minimum} or newer" if component.minimum else ""
        package = f", package {component.package}{least}" if component.package else ""
        yield f"needs:        {component.name}: {component.path}{package}"
    if pack.needs_drill:
        yield "drill only:   it opens plain http on this machine; a production booth refuses it"
