"""The written description of the site API is the one that the code gives."""

from __future__ import annotations

import json
from pathlib import Path

import workstation
from workstation.site.server import openapi

ROOT = Path(workstation.__file__).parents[1]


def test_description_is_up_to_date(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert openapi.main(["--check"]) == 0


def test_drift_is_found_and_mended(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert openapi.main(["--check"]) == 1
    assert openapi.main(["--write"]) == 0
    assert openapi.main(["--check"]) == 0
    path = tmp_path / openapi.PATH
    path.write_text(path.read_text().replace("arrival", "departure", 1))
    assert openapi.main(["--check"]) == 1
    assert "--write" in capsys.readouterr().err


def test_it_is_openapi_3_1_and_whole():
    description = json.loads(openapi.document())
    assert description["openapi"].startswith("3.1")
    text = json.dumps(description)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(description["components"]["schemas"])
    for path, operations in description["paths"].items():
        for operation in operations.values():
            assert "security" in operation or path == "/v1/health"
