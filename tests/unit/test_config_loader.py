"""Configuration files, good and bad: every problem at once, with file, key, reason and the nearest name."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk_config.__main__ import main
from kiosk_config.loader import MAX_BYTES, ConfigError, ConfigProblem, load
from kiosk_config.model import BoothConfig, Mode, Ups
from kiosk_config.reference import settings_markdown

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
PACK_KEY = f"ed25519:{'A' * 43}"
MINIMAL: dict[str, Any] = {
    "schema_version": 1,
    "place": {"booth_id": "xy-shihe-2-03"},
    "main_site": {"pack_keys": [PACK_KEY]},
}
UPS = {"id": "a", "feeds": ["booth"]}
MAX_SHOWN = 300


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "booth.toml"


def write(file: Path, **sections: Any) -> Path:
    file.write_text(tomli_w.dumps(MINIMAL | sections), encoding="utf-8")
    return file


def problems(file: Path) -> dict[str, ConfigProblem]:
    with pytest.raises(ConfigError) as caught:
        load(file)
    found = {problem.key: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a key is reported twice"
    assert all(problem.file == file and problem.reason for problem in found.values())
    assert all(str(problem) in str(caught.value) for problem in found.values())
    return found


def test_the_smallest_file_is_a_production_booth(file: Path) -> None:
    config = load(write(file))
    assert config.mode is Mode.PRODUCTION
    assert not config.is_drill
    assert config.screen.fullscreen
    assert config.reader.driver == "pcsc"


def test_three_mistakes_are_three_problems(file: Path) -> None:
    write(file, reader={"timout_s": 3.0}, ups=[UPS | {"port": "3493"}], screen={"fullscreen": False})
    found = problems(file)
    assert set(found) == {"reader.timout_s", "ups.0.port", "screen.fullscreen"}
    assert found["reader.timout_s"].hint == "did you mean timeout_s?"
    assert "'3493'" in found["ups.0.port"].reason
    assert str(found["reader.timout_s"]) == f"{file}: reader.timout_s: unknown setting (did you mean timeout_s?)"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"schema_version = ", "is not TOML"),
        (b"\xff\xfe\x00", "is not UTF-8 at byte 0"),
        (b"# " + b"x" * MAX_BYTES, f"larger than {MAX_BYTES} bytes"),
        (b"a = " + b"[" * 50_000, "is not TOML"),
        (b"a = 1" + b"0" * 5_000, "is not TOML"),
    ],
    ids=["not toml", "not utf-8", "too large", "too deep", "too long a number"],
)
def test_a_file_that_cannot_be_read_is_one_problem(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    found = problems(file)
    assert list(found) == [""]
    assert found[""].reason.startswith(reason)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml")[""].reason == "cannot be read: No such file or directory"
    assert problems(tmp_path)[""].reason.startswith("cannot be read: ")


def test_an_empty_file_says_what_is_missing(file: Path) -> None:
    file.write_text("")
    assert {key: problem.reason for key, problem in problems(file).items()} == {
        "schema_version": "missing",
        "place": "missing",
        "main_site.pack_keys": "is needed: without a trusted key no main site can be opened",
    }


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"mode": "test"}, "mode"),
        ({"place": "here"}, "place"),
        ({"place": {"booth_id": "Booth 3"}}, "place.booth_id"),
        ({"site": {"timeout_s": "5"}}, "site.timeout_s"),
        ({"site": {"timeout_s": math.nan}}, "site.timeout_s"),
        ({"reader": {"name_pattern": "("}}, "reader.name_pattern"),
        ({"reader": {"timeout_s": 0.1}}, "reader.timeout_s"),
        ({"camera": {"source": 0}}, "camera.source"),
        ({"headset": {"playback": "["}}, "headset.playback"),
        ({"headset": {"capture": "*"}}, "headset.capture"),
        ({"ups": [UPS | {"port": 70_000}]}, "ups.0.port"),
        ({"ups": [UPS | {"id": "Booth UPS"}]}, "ups.0.id"),
        ({"ups": [{"id": "a"}]}, "ups.0.feeds"),
        ({"ups": [UPS | {"feeds": []}]}, "ups.0.feeds"),
        ({"ups": [UPS | {"feeds": ["house"]}]}, "ups.0.feeds.0"),
        ({"ups": [UPS, UPS | {"id": "b"}, UPS]}, "ups.2.id"),
        ({"ups": [UPS | {"username": "monitor"}]}, "ups.0.password_file"),
        ({"ups": [UPS | {"password_file": "/p"}]}, "ups.0.username"),
        ({"ups": [UPS | {"community_file": "/c"}]}, "ups.0.community_file"),
        ({"ups": [UPS | {"driver": "apcupsd", "ca_file": "/ca"}]}, "ups.0.ca_file"),
        ({"ups": [UPS | {"driver": "snmp"}]}, "ups.0.community_file"),
        ({"ups": [UPS | {"driver": "snmp", "username": "booth"}]}, "ups.0.auth_file"),
        ({"ups": [UPS | {"driver": "snmp", "community_file": "/c", "privacy_file": "/p"}]}, "ups.0.auth_file"),
        ({"storage": {"data_dir": 7}}, "storage.data_dir"),
        ({"storage": {"data_dir": "a\0b"}}, "storage.data_dir"),
        ({"screen": {"language": "fr"}}, "screen.language"),
        ({"screen": {"large_text": 1}}, "screen.large_text"),
        ({"main_site": {"site_id": "Site", "pack_keys": [PACK_KEY]}}, "main_site.site_id"),
        ({"main_site": {"pack_keys": []}}, "main_site.pack_keys"),
        ({"main_site": {"pack_keys": [PACK_KEY[:-1]]}}, "main_site.pack_keys.0"),
        ({"main_site": {"pack_keys": [PACK_KEY[:-1] + "B"]}}, "main_site.pack_keys.0"),
    ],
)
def test_a_wrong_value_is_named(file: Path, sections: dict[str, Any], key: str) -> None:
    assert list(problems(write(file, **sections))) == [key]


def test_an_unknown_section_gets_the_nearest_name_or_all_names(file: Path) -> None:
    found = problems(write(file, cameras={"fps": 15}, zzz=1))
    assert found["cameras"].hint == "did you mean camera?"
    assert found["zzz"].hint.startswith("known here: schema_version, mode, place")


def test_a_long_value_is_shown_short(file: Path) -> None:
    found = problems(write(file, screen={"language": "x" * 100_000}, ups=[UPS | {"port": ["y" * 1000] * 50}]))
    assert all(len(problem.reason) < MAX_SHOWN for problem in found.values())


def test_a_number_too_long_to_print_is_a_problem_like_any_other(file: Path) -> None:
    file.write_text(
        f'schema_version = 1\nmode = "drill"\nplace = {{ booth_id = "a" }}\n[reader]\ntimeout_s = 0x{"f" * 6000}\n'
    )
    assert list(problems(file)) == ["reader.timeout_s"]


@pytest.mark.parametrize("section", ["reader", "camera", "headset"])
def test_production_refuses_a_simulated_device(file: Path, section: str) -> None:
    found = problems(write(file, **{section: {"driver": "simulated"}}))
    assert list(found) == [f"{section}.driver"]


def test_production_refuses_a_simulated_ups(file: Path) -> None:
    found = problems(write(file, ups=[UPS, UPS | {"id": "b", "driver": "simulated"}]))
    assert list(found) == ["ups.1.driver"]


def test_the_former_table_of_one_ups_is_answered_with_the_new_form(file: Path) -> None:
    found = problems(write(file, ups={"driver": "none"}))
    assert list(found) == ["ups"]
    assert "[[ups]] with id and feeds" in found["ups"].reason


def test_several_upses(file: Path) -> None:
    snmp = {"driver": "snmp", "username": "booth", "auth_file": "/a", "privacy_file": "/p"}
    config = load(write(file, ups=[UPS, {"id": "room", "feeds": ["switch", "room"], **snmp}]))
    assert [ups.id for ups in config.ups] == ["a", "room"]
    assert config.ups[1].feeds == ["switch", "room"]
    assert load(write(file)).ups == []


def test_production_refuses_a_window_and_a_bench(file: Path) -> None:
    found = problems(write(file, screen={"fullscreen": False}, drill={"bench_file": "/tmp/bench.json"}))
    assert set(found) == {"screen.fullscreen", "drill.bench_file"}


def test_a_drill_may_have_both(file: Path, tmp_path: Path) -> None:
    bench = str(tmp_path / "bench.json")
    drill = {"mode": "drill", "reader": {"driver": "simulated"}, "screen": {"fullscreen": False}}
    assert list(problems(write(file, **drill))) == ["drill.bench_file"]
    config = load(write(file, **drill, drill={"bench_file": bench}))
    assert config.is_drill
    assert config.drill.bench_file == Path(bench)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://site.example", True),
        ("https://site.example:8443", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://site.example", False),
        ("http://127.0.0.1.example", False),
        ("http://127.0.0.1@site.example", False),
        ("https://[", False),
        ("http://[", False),
        ("https://:443", False),
        ("https://site.example:99999", False),
        ("https://site.example/path", False),
        ("ftp://site.example", False),
        ("site.example", False),
    ],
)
def test_where_the_site_server_may_be(file: Path, url: str, good: bool) -> None:
    write(file, site={"url": url, "token_file": "/etc/token"})
    if good:
        assert load(file).site.url == url
    else:
        assert list(problems(file)) == ["site.url"]


def test_a_site_server_needs_a_token(file: Path) -> None:
    assert list(problems(write(file, site={"url": "https://site.example"}))) == ["site.token_file"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_configuration_or_problems(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value)


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_SCALARS = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | _TEXT | st.datetimes() | st.dates() | st.times()
)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3))
_SECTIONS = {
    name: field for name, field in BoothConfig.model_fields.items() if hasattr(field.annotation, "model_fields")
}
_NEAR = st.fixed_dictionaries(
    {},
    optional={
        "schema_version": st.just(1) | _VALUES,
        "mode": st.sampled_from(["drill", "production"]) | _VALUES,
        **{
            name: st.dictionaries(st.sampled_from(sorted(field.annotation.model_fields)) | _TEXT, _VALUES, max_size=4)
            | _VALUES
            for name, field in _SECTIONS.items()
        },
        "ups": st.lists(
            st.dictionaries(st.sampled_from(sorted(Ups.model_fields)) | _TEXT, _VALUES, max_size=4) | _VALUES,
            max_size=3,
        )
        | _VALUES,
    },
)
_URLS = st.builds(lambda rest: {"site": {"url": f"http://{rest}"}}, st.text("[]:@%09a.\\", max_size=12))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=st.dictionaries(_TEXT, _VALUES, max_size=4) | _NEAR | _URLS)
def test_any_toml_gives_a_configuration_or_problems(file: Path, document: dict[str, Any]) -> None:
    file.write_text(tomli_w.dumps(document), encoding="utf-8", newline="")
    with contextlib.suppress(ConfigError):
        assert isinstance(load(file), BoothConfig)


def test_the_settings_page_is_current() -> None:
    assert SETTINGS_PAGE.read_text(encoding="utf-8") == settings_markdown()


def test_the_settings_page_has_every_setting_once() -> None:
    page = settings_markdown()
    for name in setting_names(BoothConfig):
        assert page.count(f"| `{name}` |") == 1, name
    assert "None" not in page


def setting_names(model: Any, prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from setting_names(field.annotation, f"{prefix}{name}.")
        elif listed := [part for part in get_args(field.annotation) if hasattr(part, "model_fields")]:
            yield from setting_names(listed[0], f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize(
    ("sections", "wrong"),
    [
        ({"reader": {"driver": "vendor"}}, {"reader.vendor.library": "is needed"}),
        (
            {"reader": {"driver": "vendor", "vendor": {"library": "libsdt.so"}}},
            {"reader.vendor.library": "must be an absolute path", "reader.vendor.sha256": "is needed with library"},
        ),
        (
            {"photo": {"decoder": "unpack", "library": "/opt/libwlt.so", "helper": "python3"}},
            {"photo.sha256": "is needed with library", "photo.helper": "must be an absolute path"},
        ),
        ({"photo": {"decoder": "unpack"}}, {"photo.library": "is needed"}),
    ],
)
def test_a_vendor_library_is_named_in_full_and_pinned(
    file: Path, sections: dict[str, Any], wrong: dict[str, str]
) -> None:
    found = problems(write(file, **sections))
    assert {key: problem.reason for key, problem in found.items()} == wrong


@pytest.mark.parametrize("driver", ["pcsc-storage", "pcsc-uid"])
def test_a_reader_that_cannot_tell_its_sam_has_no_list_of_them(file: Path, driver: str) -> None:
    sam_ids = ["05.03-20231128-0001234567-0987654321"]
    assert set(problems(write(file, reader={"driver": driver, "sam_ids": sam_ids}))) == {"reader.sam_ids"}


def test_a_pinned_library_is_accepted(file: Path) -> None:
    vendor = {"library": "/opt/vendor/libsdt.so", "sha256": "0" * 64}
    config = load(write(file, reader={"driver": "vendor", "vendor": vendor}))
    assert config.reader.vendor.library == Path("/opt/vendor/libsdt.so")


@pytest.mark.parametrize(
    ("port", "is_good"), [(0, False), (1, True), (16, True), (17, False), (1000, False), (1016, True)]
)
def test_a_vendor_port_is_a_serial_or_a_usb_one(file: Path, port: int, is_good: bool) -> None:
    write(file, reader={"vendor": {"port": port}})
    assert load(file).reader.vendor.port == port if is_good else set(problems(file)) == {"reader.vendor.port"}


def test_a_misspelt_setting_of_an_inner_table_is_named(file: Path) -> None:
    found = problems(write(file, reader={"serial": {"bauds": 9600}}))
    assert found["reader.serial.bauds"].hint == "did you mean baud?"


def test_check_says_good_or_everything_that_is_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(write(file))]) == 0
    assert capsys.readouterr() == (f"{file}: good (production, booth xy-shihe-2-03)\n", "")
    assert main(["check", str(write(file, ups=[UPS | {"port": -1, "nam": "x"}]))]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "ups.0.port" in err
    assert "did you mean name?" in err
    assert err.endswith("2 problem(s)\n")


def test_settings_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    assert capsys.readouterr().out == settings_markdown()


@pytest.mark.parametrize("arguments", [[], ["check"], ["destroy"]])
def test_wrong_usage_is_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: kiosk-config" in capsys.readouterr().err
