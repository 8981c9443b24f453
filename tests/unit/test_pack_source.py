"""The administrator's TOML: every problem at once with its key; whatever stands in it, never a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk_config.pack.source import load_source
from kiosk_config.pack.template import template
from kiosk_config.problems import ConfigError, ConfigProblem
from tests.packs import KEY, NOW, ORIGIN, SOURCE, pack, source

HERE = {"origin": ORIGIN}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "zz.toml"


def write(file: Path, document: dict[str, Any]) -> Path:
    file.write_text(tomli_w.dumps(document), encoding="utf-8")
    return file


def problems(file: Path, now: datetime = NOW) -> dict[str, ConfigProblem]:
    with pytest.raises(ConfigError) as caught:
        load_source(file, now)
    found = {problem.key: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a key is reported twice"
    assert all(problem.file == file and problem.reason for problem in found.values())
    return found


def test_a_good_file_is_the_pack(file: Path) -> None:
    assert load_source(write(file, SOURCE), NOW) == pack()


def test_everything_at_once_with_the_nearest_name(file: Path) -> None:
    document = source(serail=8, pins=[{"host": "other.example.cn", "keys": ["a" * 64]}], media=[{"orign": ORIGIN}])
    document["launch"] = {"kind": "ticket-get", "url": "https://elsewhere.cn/", "paramter": "t"}
    found = problems(write(file, document))
    assert set(found) == {
        "serail",
        "pins.0.host",
        "media.0.orign",
        "media.0.origin",
        "media.0",
        "launch.url",
        "launch.paramter",
    }
    assert found["serail"].hint == "did you mean serial?"
    assert found["launch.paramter"].hint == "did you mean parameter?"
    assert found["media.0.orign"].hint == "did you mean origin?"
    assert found["pins.0.host"].reason == "is in none of the origins"


def test_a_kind_that_does_not_exist_and_none_at_all(file: Path) -> None:
    found = problems(write(file, source(launch={"kind": "ticket-got", "url": f"{ORIGIN}/pb"})))
    assert {key: problem.hint for key, problem in found.items()} == {"launch.kind": "did you mean ticket-get?"}
    found = problems(write(file, source(launch={"url": f"{ORIGIN}/pb"})))
    assert {key: problem.reason for key, problem in found.items()} == {"launch.kind": "missing"}


def authority(*, is_authority: bool) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(KEY, None)
    )
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"valid_until": NOW - timedelta(days=2)}, "valid_until"),
        ({"valid_until": NOW}, "valid_until"),
        ({"issued_at": datetime(2026, 1, 1)}, "issued_at"),  # noqa: DTZ001 - that is the mistake
        ({"serial": "7"}, "serial"),
        ({"serial": 0}, "serial"),
        ({"main_site_id": "../zz"}, "main_site_id"),
        ({"origins": [HERE, HERE | {"origin": f"{ORIGIN}:443"}]}, "origins.1.origin"),
        ({"origins": [HERE, {"origin": "https://10.0.0.1", "subdomains": True}]}, "origins.1.subdomains"),
        ({"origins": [HERE, {"origin": "http://pb.example.cn"}]}, "origins.1.origin"),
        ({"origins": [HERE, {"origin": "https://a/b"}]}, "origins.1.origin"),
        ({"origins": [HERE, 7]}, "origins.1"),
        ({"launch": {"kind": "ticket-get", "url": f"{ORIGIN}/elsewhere"}}, "launch.url"),
        ({"launch": {"kind": "ticket-get", "url": f"{ORIGIN}/pbx"}}, "launch.url"),
        ({"launch": {"kind": "ticket-get", "url": f"{ORIGIN}:444/pb"}}, "launch.url"),
        (
            {"launch": {"kind": "oidc", "url": f"{ORIGIN}/pb", "issuer": "https://login.example.org"}},
            "launch.issuer",
        ),
        (
            {"launch": {"kind": "oidc", "url": f"{ORIGIN}/pb", "issuer": f"{ORIGIN}/idp", "target": "https://b.cn/"}},
            "launch.target",
        ),
        ({"arrived": {"origin": "https://other.cn"}}, "arrived.origin"),
        ({"arrived": HERE | {"paths": ["/pb", "/elsewhere"]}}, "arrived.paths.1"),
        ({"signed_out": {"origin": "https://other.cn"}}, "signed_out.origin"),
        ({"signed_out": SOURCE["arrived"]}, "signed_out"),
        ({"media": [{"origin": "https://other.cn", "camera": True}]}, "media.0.origin"),
        ({"media": [HERE]}, "media.0"),
        ({"pins": [SOURCE["pins"][0], SOURCE["pins"][0]]}, "pins.1.host"),
        ({"pins": [{"host": "sub.pb.example.cn", "keys": ["a" * 64]}]}, "pins.0.host"),
        ({"pins": [{"host": "pb.example.cn", "keys": []}]}, "pins.0.keys"),
        ({"client_certificate": {"hosts": ["a.cn"], "source": "token"}}, "client_certificate.hosts.0"),
        ({"components": [SOURCE["components"][0], SOURCE["components"][0]]}, "components.1.path"),
        (
            {"components": [{"name": "CA", "path": "/a", "sha256": "c" * 64, "minimum": "1"}]},
            "components.0.minimum",
        ),
        ({"certificate_authorities": ["PEM"]}, "certificate_authorities.0"),
        ({"certificate_authorities": [authority(is_authority=False)]}, "certificate_authorities.0"),
        ({"browser": {"zoom": float("nan")}}, "browser.zoom"),
        ({"browser": {"page_bridge": 1}}, "browser.page_bridge"),
    ],
)
def test_a_contradiction_or_a_wrong_value_is_named(file: Path, changes: dict[str, Any], key: str) -> None:
    assert list(problems(write(file, source(**changes)))) == [key]


def test_names_below_an_origin_count_where_it_says_so(file: Path) -> None:
    document = source(
        pins=[{"host": "a.cdn.example.cn", "keys": ["a" * 64]}],
        launch={"kind": "ticket-get", "url": "https://a.cdn.example.cn:8443/any"},
        certificate_authorities=[authority(is_authority=True)],
    )
    assert load_source(write(file, document), NOW).pins[0].host == "a.cdn.example.cn"


def test_a_number_no_pack_can_hold(file: Path) -> None:
    file.write_text(f"serial = 0x{'f' * 6000}\n", encoding="utf-8")
    assert list(problems(file)) == [""]


def test_no_file_and_no_toml(file: Path) -> None:
    assert problems(file)[""].reason == "cannot be read: No such file or directory"
    file.write_text("serial =", encoding="utf-8")
    assert problems(file)[""].reason.startswith("is not TOML")


@pytest.mark.parametrize("name", ["郑州市公共资源交易中心", 'a"b\\c\x7f\n[launch]', "$name"])
def test_the_template_is_good_as_it_is(file: Path, name: str) -> None:
    file.write_text(template(main_site_id="zz", name=name, origin=ORIGIN, now=NOW), encoding="utf-8")
    found = load_source(file, NOW)
    assert (found.name, found.serial, found.launch.url) == (name, 1, f"{ORIGIN}/enter")
    assert found.is_valid_at(NOW)


SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.booleans(),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.dates(),
    st.times(),
    st.sampled_from([ORIGIN, "https://[::1", "https://a:b", "https://é.cn", "http://127.0.0.1:1", "/pb", "/%2e", "//"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SOURCE, "kind", "host", "url"]), inner)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


PLACES = list(places(SOURCE))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.sampled_from(PLACES), value=VALUES, drop=st.booleans())
def test_whatever_one_setting_becomes_there_are_problems_or_a_pack(
    file: Path, place: tuple[str | int, ...], value: Any, drop: bool
) -> None:
    document = source()
    inner: Any = document
    for part in place[:-1]:
        inner = inner[part]
    if drop:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    try:
        write(file, document)
    except (UnicodeEncodeError, ValueError):  # what TOML has no way to say
        return
    found: list[ConfigProblem] | None = None
    try:
        load_source(file, NOW)
    except ConfigError as error:
        found = error.problems
    assert found is None or (found and all(problem.reason for problem in found))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_give_problems_and_nothing_else(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError):
        load_source(file, NOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(cut=st.integers(0, 10_000), junk=st.text(max_size=8))
def test_a_file_damaged_somewhere_gives_problems_or_a_pack(file: Path, cut: int, junk: str) -> None:
    text = tomli_w.dumps(SOURCE)
    cut %= len(text)
    with contextlib.suppress(UnicodeEncodeError):
        file.write_text(text[:cut] + junk + text[cut + len(junk) :], encoding="utf-8")
        with contextlib.suppress(ConfigError):
            load_source(file, NOW)
