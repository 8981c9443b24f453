"""The package's own files: control fields, the example configuration, the session, the scripts, a real small .deb."""

from __future__ import annotations

import operator
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from assets.packaging import debian
from assets.packaging.check import listing_problems
from kiosk_config.loader import ConfigError, load
from kiosk_config.model import BoothConfig
from workstation.health.power_off import REQUEST_FILE

TREE = debian.HERE / "tree"
EXAMPLE = TREE / "etc/evaluation-workstation/booth.toml"
UNIT = TREE / "lib/systemd/system/evaluation-workstation.service"
BOOTH = 'booth_id = "xy-shihe-2-03"'
KEYS = [f"ed25519:{'A' * 43}"]


def settings(model: type[BaseModel] = BoothConfig, prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if get_origin(kind) is list:
            kind = get_args(kind)[0]
        is_section = isinstance(kind, type) and issubclass(kind, BaseModel)
        found |= settings(kind, f"{prefix}{name}.") if is_section else {prefix + name}
    return found


def flattened(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from flattened(value[0], f"{prefix}{key}.")
        else:
            yield prefix + key, value


def uncommented() -> str:
    return re.sub(r"^# (\w+ = |\[)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_control_file_has_every_field_that_a_package_needs():
    text = debian.control(
        version="1.2.3", architecture="amd64", installed_kib=7, depends=["adduser", "libc6 (>= 2.35)"]
    )
    fields = Parser().parsestr(text)
    assert fields["Package"] == "evaluation-workstation"
    assert fields["Version"] == "1.2.3"
    assert fields["Architecture"] == "amd64"
    assert fields["Installed-Size"] == "7"
    assert fields["Depends"] == "adduser, libc6 (>= 2.35)"
    assert {"Section", "Priority", "Maintainer", "Description", "Recommends"} <= set(fields.keys())
    assert text.endswith("\n")
    assert "\n\n" not in text


def test_depends_are_merged_and_the_computed_version_wins():
    merged = debian.merge_depends(["libpulse0 (>= 5)", "libc6 (>= 2.35)"], ["pulseaudio | pipewire-pulse", "libpulse0"])
    assert merged == ["libc6 (>= 2.35)", "libpulse0 (>= 5)", "pulseaudio | pipewire-pulse"]


def test_the_example_configuration_fails_for_what_only_the_site_knows_and_nothing_else():
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE)
    assert [problem.key for problem in caught.value.problems] == ["place.booth_id", "main_site.pack_keys"]


def test_the_example_configuration_is_good_once_those_are_set(tmp_path):
    path = tmp_path / "booth.toml"
    text = EXAMPLE.read_text(encoding="utf-8").replace(f"# {BOOTH}", BOOTH)
    path.write_text(text.replace("# pack_keys = []", f"pack_keys = {KEYS}"), encoding="utf-8")
    expected = {"schema_version": 1, "place": {"booth_id": "xy-shihe-2-03"}, "main_site": {"pack_keys": KEYS}}
    assert load(path) == BoothConfig.model_validate(expected)


def test_the_example_configuration_shows_every_setting_with_its_default():
    shown = dict(flattened(tomllib.loads(uncommented())))
    assert shown.keys() == settings()
    defaults = BoothConfig.model_validate({"schema_version": 1, "place": {"booth_id": "xy-shihe-2-03"}})
    for key, value in shown.items():
        section, _, setting = key.partition(".")
        kind = BoothConfig.model_fields[section].annotation
        if get_origin(kind) is list and setting:
            default = get_args(kind)[0].model_fields[setting].get_default()
        else:
            default = operator.attrgetter(key)(defaults)
        # A setting without a default shows an example of its value.
        is_example = default is None or default is PydanticUndefined
        assert is_example or value == (str(default) if isinstance(default, Path) else default), key


def test_files_in_etc_are_configuration_files():
    assert debian.conffiles(TREE) == ["/etc/X11/evaluation-workstation.conf", "/etc/evaluation-workstation/booth.toml"]


def test_the_unit_starts_files_that_the_package_or_its_dependencies_bring():
    unit = UNIT.read_text(encoding="utf-8")
    assert "User=kiosk" in unit
    assert "Restart=always" in unit
    assert "WatchdogSec" not in unit, "the program does not notify"
    for path in re.findall(r"/(?:opt|etc)/\S+|/usr/bin/kiosk-config", unit):
        assert (TREE / path.removeprefix("/")).is_file(), path


def test_the_way_to_the_power_off_is_one_file_in_a_folder_of_the_kiosk():
    """Who watches, what is watched, and what the program writes are the same path."""
    units = TREE / "lib/systemd/system"
    watch = (units / "evaluation-workstation-poweroff.path").read_text(encoding="utf-8")
    off = (units / "evaluation-workstation-poweroff.service").read_text(encoding="utf-8")
    folder = (TREE / "usr/lib/tmpfiles.d/evaluation-workstation.conf").read_text(encoding="utf-8")
    assert re.findall(r"^PathExists=(.*)$", watch, re.MULTILINE) == [str(REQUEST_FILE)]
    assert f"ExecStart=/bin/rm -f {REQUEST_FILE}\nExecStart=/bin/systemctl --no-block poweroff\n" in off
    assert folder.split() == ["d", str(REQUEST_FILE.parent), "0700", "kiosk", "kiosk", "-"]
    assert "evaluation-workstation-poweroff.path" in (debian.HERE / "scripts/postinst").read_text(encoding="utf-8")


def test_no_right_is_given_to_anybody_but_the_kiosk():
    polkit = (TREE / "usr/share/polkit-1/rules.d/50-evaluation-workstation.rules").read_text(encoding="utf-8")
    assert polkit.count("polkit.Result.YES") == 1
    assert 'subject.user === "kiosk"' in polkit
    udev = (TREE / "lib/udev/rules.d/60-evaluation-workstation.rules").read_text(encoding="utf-8")
    assert re.findall(r'MODE="(\d+)", GROUP="(\w+)"', udev) == [("0660", "kiosk")]


@pytest.mark.parametrize(
    "path", [*(debian.HERE / "scripts").iterdir(), TREE / "usr/bin/kiosk-config"], ids=lambda p: p.name
)
def test_shell_scripts_parse(path):
    subprocess.run(["sh", "-n", path], check=True, timeout=10)


def test_the_state_is_deleted_by_purge_only():
    script = (debian.HERE / "scripts/postrm").read_text(encoding="utf-8")
    [branch] = re.findall(r'^if \[ "\$1" = purge \]; then\n(.*?)^fi', script, flags=re.MULTILINE | re.DOTALL)
    assert 'rm -rf "$state"' in branch
    assert "rm " not in script.replace(branch, "")
    assert "rm " not in (debian.HERE / "scripts/prerm").read_text(encoding="utf-8")


@pytest.fixture
def tree(tmp_path):
    """A package's tree with the smallest bundle there can be."""
    tree = tmp_path / "tree"
    program = tree / debian.OPT / debian.PACKAGE
    program.parent.mkdir(parents=True)
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o700)
    debian.lay_out(tree, documents={"copyright": "none"})
    return tree


def test_a_real_package_is_equal_when_built_again(tree, tmp_path):
    options = {"version": "1.0", "elf_files": [tree / debian.OPT / debian.PACKAGE], "epoch": 1_700_000_000}
    first = debian.make(tree, tmp_path / "first", **options)
    for path in (tree / "DEBIAN").iterdir():
        path.unlink()
    (tree / "DEBIAN").rmdir()
    second = debian.make(tree, tmp_path / "second", **options)
    assert first.read_bytes() == second.read_bytes()
    fields = subprocess.run(["dpkg-deb", "-f", first], capture_output=True, text=True, check=True).stdout
    assert "libc6 (>= " in Parser().parsestr(fields)["Depends"]
    listing = subprocess.run(["dpkg-deb", "-c", first], capture_output=True, text=True, check=True).stdout
    assert list(listing_problems(listing.splitlines())) == []
    assert re.search(
        r"^-rwxr-xr-x root/root .* \./opt/evaluation-workstation/session/kiosk-session$", listing, re.MULTILINE
    )
    assert re.search(r"^-rw-r--r-- root/root .* \./etc/evaluation-workstation/booth.toml$", listing, re.MULTILINE)


def test_a_tool_that_fails_is_reported_with_its_words(tree, tmp_path):
    with pytest.raises(debian.PackageError, match="dpkg-shlibdeps failed"):
        debian.make(tree, tmp_path, version="1.0", elf_files=[tmp_path / "nothing"], epoch=0)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-rwsr-xr-x root/root 1 2026-01-01 00:00 ./opt/x", "opt/x has mode -rwsr-xr-x"),
        ("-rw-rw-rw- root/root 1 2026-01-01 00:00 ./opt/x", "opt/x has mode -rw-rw-rw-"),
        ("-rw-r--r-- builder/root 1 2026-01-01 00:00 ./opt/x", "opt/x belongs to builder/root"),
        ("-rw-r--r-- root/root 1 2026-01-01 00:00 ./home/x", "home/x is outside the package's folders"),
        ("crw-r--r-- root/root 1,1 2026-01-01 00:00 ./opt/x", "opt/x is neither file, folder nor link"),
    ],
)
def test_problems_in_a_package_listing(line, problem):
    assert list(listing_problems([line])) == [problem]


def test_links_may_have_every_mode():
    assert list(listing_problems(["lrwxrwxrwx root/root 0 2026-01-01 00:00 ./opt/a -> b"])) == []


def test_the_session_hands_on_only_what_it_names_and_nothing_empty(tmp_path):
    script = (TREE / "opt/evaluation-workstation/session/kiosk-session").read_text(encoding="utf-8")
    before, found, _ = script.partition("openbox --config-file")
    assert found
    copy = tmp_path / "kiosk-session"
    copy.write_text(f"{before}exec env\n", encoding="utf-8")
    copy.chmod(0o700)
    wanted = {"HOME": str(tmp_path), "DISPLAY": ":0", "XDG_RUNTIME_DIR": "/run/user/1 2;3", "USER": "kiosk"}
    hostile = {"LD_AUDIT": "x", "PYTHONPATH": "x", "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox", "SSL_CERT_FILE": "x"}
    environment = wanted | hostile | {"QT_IM_MODULE": "", "PATH": os.environ["PATH"]}
    done = subprocess.run([copy], env=environment, capture_output=True, text=True, check=True)
    handed_on = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert wanted.items() <= handed_on.items()
    assert not hostile.keys() & handed_on.keys()
    assert "" not in handed_on.values()
