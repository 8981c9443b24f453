"""The recorder, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import power_cut


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> Path:
    return power_cut.build_shim(tmp_path_factory.mktemp("shim"))
