"""What is wrong between the settings of the UPSes: which driver needs what, and which ids are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DRIVERS = frozenset({"nut", "apcupsd", "snmp", "simulated"})
_USED_BY: Mapping[str, frozenset[str]] = {
    "host": frozenset({"nut", "apcupsd", "snmp"}),
    "port": frozenset({"nut", "apcupsd", "snmp"}),
    "name": frozenset({"nut"}),
    "username": frozenset({"nut", "snmp"}),
    "password_file": frozenset({"nut"}),
    "ca_file": frozenset({"nut"}),
    "community_file": frozenset({"snmp"}),
    "auth": frozenset({"snmp"}),
    "auth_file": frozenset({"snmp"}),
    "privacy": frozenset({"snmp"}),
    "privacy_file": frozenset({"snmp"}),
}
"""A protection that a driver cannot give must not look as if it were there."""

_NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "nut": (("username", "password_file"), ("password_file", "username")),
    "snmp": (("username", "auth_file"), ("auth_file", "username"), ("privacy_file", "auth_file")),
}
"""What is needed with what."""


def listed(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each UPS of a raw file with its key, as far as it is a table at all."""
    found = raw.get("ups")
    for index, ups in enumerate(found if isinstance(found, list) else []):
        if isinstance(ups, Mapping):
            yield f"ups.{index}", ups


def refusals(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and reason of everything that no single field can know."""
    taken: dict[str, str] = {}
    for key, ups in listed(raw):
        name = ups.get("id")
        if isinstance(name, str):
            if name in taken:
                yield f"{key}.id", f"is the id of {taken[name]} already"
            taken.setdefault(name, key)
        yield from _driver_refusals(key, ups)


def _driver_refusals(key: str, ups: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    driver = ups.get("driver", "nut")
    for setting, drivers in _USED_BY.items():
        if setting in ups and isinstance(driver, str) and driver in _DRIVERS - drivers:
            yield f"{key}.{setting}", f'is not used with driver = "{driver}"'
    needs = _NEEDS.get(driver, ()) if isinstance(driver, str) else ()
    for given, needed in needs:
        if ups.get(given) and not ups.get(needed):
            yield f"{key}.{needed}", f"is needed with {given}"
    if driver == "snmp" and bool(ups.get("community_file")) == bool(ups.get("username")):
        yield f"{key}.community_file", "either this (SNMPv2c) or username (SNMPv3) is needed, not both"
