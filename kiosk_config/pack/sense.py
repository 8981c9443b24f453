"""What no single field of a pack can know: whether its parts fit together. Works on the raw file.

So that one bad field does not hide these; whatever is not of the right type is left to the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from kiosk_config.problems import table

PLACEHOLDER = re.compile(r"\{(?P<name>meeting|password|alias|server)(?P<url>:url)?\}")
"""What an external client's command and files are filled in at."""

_BRACED = re.compile(r"\{[^{}]*\}")
_PORTS = {"https": 443, "http": 80}
Contradiction = tuple[str, str]


@dataclass(frozen=True)
class _Place:
    """Scheme, host, port, path of an address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


@dataclass(frozen=True)
class _Rule:
    place: _Place
    subdomains: bool
    paths: tuple[str, ...]

    def has_host(self, host: str) -> bool:
        return host == self.place.host or (self.subdomains and host.endswith(f".{self.place.host}"))

    def covers(self, place: _Place) -> bool:
        same_door = (place.scheme, place.port) == (self.place.scheme, self.place.port)
        return same_door and self.has_host(place.host) and self.covers_path(place.path)

    def covers_path(self, path: str) -> bool:
        return not self.paths or any(_is_below(path, prefix) for prefix in self.paths)


def contradictions(raw: Mapping[str, Any], now: datetime) -> list[Contradiction]:
    """Return every contradiction as key and reason."""
    rules = _rules(raw)
    found: list[Contradiction] = []
    found += _times(raw, now)
    found += _origins(raw)
    if rules:
        found += _launch(table(raw, "launch"), rules)
        found += _marks(raw, rules)
        found += _media(raw, rules)
        found += _hosts(raw, rules)
    found += _components(raw)
    found += _authorities(raw)
    found += _client(raw)
    return found


def _times(raw: Mapping[str, Any], now: datetime) -> Iterator[Contradiction]:
    begin, end = _moment(raw.get("issued_at")), _moment(raw.get("valid_until"))
    if begin is not None and end is not None and end <= begin:
        yield "valid_until", "must be after issued_at"
    elif end is not None and end <= now:
        yield "valid_until", "is over already"


def _origins(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    seen: set[tuple[str, str, int]] = set()
    for index, row in _rows(raw, "origins"):
        place = _place(row.get("origin"))
        if place is None:
            continue
        if place.origin in seen:
            yield f"origins.{index}.origin", "stands there twice"
        seen.add(place.origin)
        if row.get("subdomains") is True and _is_address(place.host):
            yield f"origins.{index}.subdomains", "an IP address has no names below it"


def _launch(launch: Mapping[str, Any], rules: list[_Rule]) -> Iterator[Contradiction]:
    for key in ("url", "issuer", "target"):
        place = _place(launch.get(key))
        if place is None:
            continue
        if key == "issuer":  # only its host is visited, at an address that its own metadata names
            allowed = any(rule.has_host(place.host) for rule in rules)
        else:
            allowed = any(rule.covers(place) for rule in rules)
        if not allowed:
            yield f"launch.{key}", "is not allowed by any of the origins"


def _marks(raw: Mapping[str, Any], rules: list[_Rule]) -> Iterator[Contradiction]:
    arrived, signed_out = table(raw, "arrived"), table(raw, "signed_out")
    for name, mark in (("arrived", arrived), ("signed_out", signed_out)):
        place = _place(mark.get("origin"))
        if place is None:
            continue
        own = [rule for rule in rules if rule.place.origin == place.origin]
        if not own:
            yield f"{name}.origin", "is not among the origins"
            continue
        for index, path in enumerate(_texts(mark.get("paths"))):
            if not any(rule.covers_path(path) for rule in own):
                yield f"{name}.paths.{index}", "is not allowed by the origin's paths"
    if signed_out and signed_out == arrived:
        yield "signed_out", "is the same page as arrived: nobody could tell them apart"


def _media(raw: Mapping[str, Any], rules: list[_Rule]) -> Iterator[Contradiction]:
    for index, row in _rows(raw, "media"):
        place = _place(row.get("origin"))
        if place is not None and all(rule.place.origin != place.origin for rule in rules):
            yield f"media.{index}.origin", "is not among the origins"
        elif not (row.get("camera") or row.get("microphone")):
            yield f"media.{index}", "allows neither camera nor microphone"


def _hosts(raw: Mapping[str, Any], rules: list[_Rule]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for index, row in _rows(raw, "pins"):
        host = row.get("host")
        if not isinstance(host, str):
            continue
        if host in seen:
            yield f"pins.{index}.host", "stands there twice; put all its keys into one"
        elif not any(rule.has_host(host) for rule in rules):
            yield f"pins.{index}.host", "is in none of the origins"
        seen.add(host)
    for index, host in enumerate(_texts(table(raw, "client_certificate").get("hosts"))):
        if not any(rule.has_host(host) for rule in rules):
            yield f"client_certificate.hosts.{index}", "is in none of the origins"


def _components(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for index, row in _rows(raw, "components"):
        path = row.get("path")
        if isinstance(path, str):
            if path in seen:
                yield f"components.{index}.path", "stands there twice"
            seen.add(path)
        if row.get("minimum") and not row.get("package"):
            yield f"components.{index}.minimum", "is the lowest version of a package, and none is named"


def _authorities(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    for index, text in enumerate(_texts(raw.get("certificate_authorities"))):
        try:
            certificate = x509.load_pem_x509_certificate(text.encode())
            is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_authority = False
        except (ValueError, x509.InvalidVersion, x509.DuplicateExtension):
            yield f"certificate_authorities.{index}", "is no certificate in PEM"
            continue
        if not is_authority:
            yield f"certificate_authorities.{index}", "is not the certificate of an authority (basicConstraints)"


def _client(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    client = table(raw, "external_client")
    if raw.get("conference") != "external" and client:
        yield "external_client", 'is only for conference = "external"'
    if raw.get("conference") == "external" and not client:
        yield "external_client", 'is needed by conference = "external"'
    if client:
        yield from _client_words(client)
    if client.get("minimum") and not client.get("package"):
        yield "external_client.minimum", "is the lowest version of a package, and none is named"


def _client_words(client: Mapping[str, Any]) -> Iterator[Contradiction]:
    way = client.get("password_by", "environment")
    words = list(enumerate(_texts(client.get("command"))))
    for index, word in words:
        for name in _BRACED.findall(word):
            if not PLACEHOLDER.fullmatch(name):
                yield f"external_client.command.{index}", f"{name} is no placeholder"
    texts = [(index, row.get("text")) for index, row in _rows(client, "files")]
    places = {
        "argument": [f"external_client.command.{index}" for index, word in words if _has_password(word)],
        "file": [f"external_client.files.{index}.text" for index, text in texts if _has_password(text)],
    }
    for kind, keys in places.items():
        if kind != way:
            yield from ((key, f'holds the password, and password_by is "{way}"') for key in keys)
        elif not keys:
            yield "external_client.password_by", f'is "{kind}", and there is no {{password}}'


def _has_password(text: object) -> bool:
    return isinstance(text, str) and any(match["name"] == "password" for match in PLACEHOLDER.finditer(text))


def _rules(raw: Mapping[str, Any]) -> list[_Rule]:
    found = []
    for _, row in _rows(raw, "origins"):
        place = _place(row.get("origin"))
        if place is not None:
            found.append(_Rule(place, row.get("subdomains") is True, tuple(_texts(row.get("paths")))))
    return found


def _rows(raw: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = raw.get(name)
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, Mapping):
            yield index, row


def _texts(value: object) -> list[str]:
    """Return the texts of a list, so that their places stay: what is no text is left to the model."""
    return [item if isinstance(item, str) else "" for item in value] if isinstance(value, list) else []


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def _place(value: object) -> _Place | None:
    """Return the parts of an address, ``None`` where the model already refuses it."""
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    return _Place(parts.scheme, host, port or _PORTS[parts.scheme], parts.path or "/")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")
