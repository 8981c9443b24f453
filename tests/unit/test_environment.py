"""The environment of the kiosk: an allow-list, and a fresh start when something had its effect already."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.environment import allowed, clean, must_start_again

SESSION = {"HOME": "/home/kiosk", "DISPLAY": ":0", "LC_TIME": "zh_CN.UTF-8", "QT_QPA_PLATFORM": "xcb", "PATH": "/bin"}
HOSTILE = (
    *("QTWEBENGINE_REMOTE_DEBUGGING", "QTWEBENGINE_DISABLE_SANDBOX", "QTWEBENGINEPROCESS_PATH", "QTWEBENGINE_NEW"),
    *(
        "QT_PLUGIN_PATH",
        "QT_QPA_PLATFORM_PLUGIN_PATH",
        "QT_LOGGING_RULES",
        "QML2_IMPORT_PATH",
        "LD_PRELOAD",
        "LD_AUDIT",
    ),
    *(
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONHOME",
        "SSL_CERT_FILE",
        "SSLKEYLOGFILE",
    ),
    *(
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "CHROME_WRAPPER",
        "NSS_SDB_USE_CACHE",
    ),
    *("OPENSSL_CONF", "OPENSSL_MODULES", "GCONV_PATH", "GLIBC_TUNABLES", "MALLOC_CHECK_", "GTK_MODULES", "BASH_ENV"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_gives_orders_does_not_stay(name: str) -> None:
    assert allowed(SESSION | {name: "1"}) == SESSION


@given(st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=30)))
def test_nothing_stays_by_chance(extra: dict[str, str]) -> None:
    assert set(allowed(extra)) <= set(extra)
    assert not [name for name in allowed(extra) if name.upper().startswith(("QTWEBENGINE_R", "LD_", "PYTHON", "SSL"))]


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu", True),
        ("QTWEBENGINE_CHROMIUM_FLAGS", "--disable-gpu --no-sandbox", False),
        ("QTWEBENGINE_CHROMIUM_FLAGS", "--remote-debugging-port=9222", False),
        ("QT_QPA_PLATFORM", "offscreen", True),
        ("QT_QPA_PLATFORM", "vnc:port=5900", False),
    ],
)
def test_some_stay_by_their_value(name: str, value: str, stays: bool) -> None:
    assert (name in allowed({name: value})) is stays


class StartedError(Exception):
    pass


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONPATH", "GLIBC_TUNABLES"])
def test_what_was_read_before_us_is_a_reason_to_start_again_once(name: str) -> None:
    started: list[tuple[str, list[str], dict[str, str]]] = []

    def execute(program: str, command: list[str], environ: dict[str, str]) -> None:
        started.append((program, command, environ))
        raise StartedError

    with pytest.raises(StartedError):
        clean(SESSION | {name: "x"}, ["/bin/kiosk", "--config", "x"], is_bundle=False, execute=execute)
    assert started == [("/bin/kiosk", ["/bin/kiosk", "--config", "x"], SESSION)]
    assert clean(started[0][2], ["/bin/kiosk"], is_bundle=False, execute=execute) == SESSION


def test_a_bundle_does_not_start_again_for_what_its_own_start_sets() -> None:
    assert not must_start_again({"LD_LIBRARY_PATH": "/opt/x", "LD_LIBRARY_PATH_ORIG": ""}, is_bundle=True)
    assert must_start_again({"LD_PRELOAD": "x"}, is_bundle=True)
