"""What holds for the whole tree: imports, sizes, settings, codes, documents, lock file, programs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from drivers.errors import ErrorCode
from kiosk_config.model import BoothConfig
from workstation.journey.diagram import mermaid

ROOT = Path(__file__).parents[2]
PRODUCT = ("workstation", "drivers", "kiosk_config", "assets")
MAX_LINES = 400
LIMIT_S = 100
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = re.compile(r"https?://|@ ?file:|--(extra-)?index-url|--find-links|--trusted-host")


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def product_files() -> list[Path]:
    return [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]


def product_trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in product_files():
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_imports_go_down_only() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in product_files()}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_the_diagram_in_the_docs_is_the_journey() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [block] = re.findall(r"<!-- diagram -->\s*```mermaid\n(.*?)```\s*<!-- /diagram -->", page, re.DOTALL)
    assert block.strip() == mermaid().strip()


def raised_codes() -> set[ErrorCode]:
    """Return every code that product code names, outside the list itself."""
    found = set()
    for path, tree in product_trees():
        if path == ROOT / "drivers" / "errors.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorCode":
                found.add(ErrorCode[node.attr])
    return found


def test_every_code_the_program_uses_is_in_the_operators_guide() -> None:
    page = (ROOT / "docs" / "operator" / "errors.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (E-\d{3})", page, re.MULTILINE)
    assert len(headings) == len(set(headings)), "a code has two headings"
    assert raised_codes() <= set(headings)
    assert set(headings) <= {code.value for code in ErrorCode}


def _settings_of(name: str, section: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for key, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings_of(key, kind)
        else:
            yield name, key


def settings() -> Iterator[tuple[str, str]]:
    for name, field in BoothConfig.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings_of(name, kind)
        elif name != "schema_version":  # for the loader of the next version
            yield "", name


def chains(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield ``(section, setting)`` for ``….section.setting`` and for ``section = ….section`` … ``section.setting``."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        named = {
            target.id: node.value.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for argument in function.args.args:
            if isinstance(argument.annotation, ast.Name) and argument.annotation.id.lower() in BoothConfig.model_fields:
                named[argument.arg] = argument.annotation.id.lower()
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                yield node.value.attr, node.attr
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield named.get(node.value.id, ""), node.attr


def test_every_setting_is_read_by_the_product() -> None:
    read = {chain for path, tree in product_trees() if path.parts[-2] != "kiosk_config" for chain in chains(tree)}
    read |= {("", "mode")} if {attribute for _, attribute in read} & {"is_drill"} else set()
    assert [f"{section}.{key}" for section, key in settings() if (section, key) not in read] == []


def test_the_lock_names_versions_and_hashes_and_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not ADDRESS.search(lock)
    requirements = re.sub(r"\\\n", " ", lock).splitlines()
    pinned = [line for line in requirements if line and not line.lstrip().startswith("#")]
    assert len(pinned) > 20
    for line in pinned:
        assert re.match(r"[A-Za-z0-9._\[\]-]+==\S+ ", line), line
        assert "--hash=sha256:" in line, line


def test_the_lock_has_every_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    for requirement in [*PROJECT["dependencies"], *extras]:
        name = re.split(r"[\[<>=;! ]", requirement)[0].lower().replace("_", "-")
        assert name in locked


def test_no_tracked_file_knows_where_it_was_made() -> None:
    place = re.compile(rb"/[w]ork/|pypi\.org/simple|files\.pythonhosted|index-url\s*=|trusted-host")
    files = [path for path in tracked() if path != Path(__file__)]
    assert [str(path.relative_to(ROOT)) for path in files if place.search(path.read_bytes())] == []


@pytest.mark.parametrize("script", sorted(PROJECT["scripts"]))
def test_a_program_is_installed_and_explains_itself(script: str) -> None:
    done = run(str(Path(sys.executable).with_name(script)), "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {script}")
