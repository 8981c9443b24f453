"""External conference clients without any: what is started, where windows go, and when one is started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kiosk_config.pack import words
from kiosk_config.pack.model import ExternalClient, MainSitePack
from kiosk_config.pack.sense import contradictions
from kiosk_config.pack.signing import read_pack, sign_pack
from tests.packs import NOW, SIGNER, VERIFIER, pack, source
from workstation.conference.external.screen import Rectangle, Window, matches
from workstation.conference.external.start import Invitation, UnfitValueError, prepare
from workstation.conference.external.supervision import (
    GONE_S,
    HUNG_S,
    PAUSES_S,
    SETTLED_S,
    Phase,
    Sight,
    Supervision,
    Trouble,
)
from workstation.conference.external.windows import beside, fitting
from workstation.site.conference import ConferencePlan

HOME = Path("/run/user/1000/home")
CLIENT: dict[str, Any] = {
    "command": ["/usr/bin/client", "--join={meeting}", "client://{alias:url}@{server}/"],
    "server": "meet.example.cn",
    "window": {"wm_class": "^client "},
    "files": [{"path": ".config/client.conf", "text": '{"name": "{alias}", "wizard": false}'}],
}


def client(**changes: Any) -> ExternalClient:
    return ExternalClient.model_validate(CLIENT | changes)


def external(**changes: Any) -> dict[str, Any]:
    return source(conference="external", external_client=CLIENT | changes)


def keys(raw: dict[str, Any]) -> list[str]:
    return [key for key, _ in contradictions(raw, NOW)]


# --- the pack ---


def test_a_pack_with_a_client_survives_signing_and_is_told_in_words() -> None:
    made = MainSitePack.model_validate(external())
    assert read_pack(sign_pack(made, SIGNER), VERIFIER) == made
    told = "\n".join(words.lines(made))
    assert "/usr/bin/client --join={meeting}" in told
    assert "anonymity:  none" in told


@pytest.mark.parametrize(
    "raw",
    [
        source(conference="external"),
        source(conference="built-in", external_client=CLIENT),
        external(command=["client"]),
        external(command=["/usr/bin/{meeting}"]),
        external(command=[]),
        external(command=["/usr/bin/client", "a\nb"]),
        external(window={}),
        external(window={"title": "("}),
        external(files=[{"path": "../.profile", "text": ""}]),
        external(files=[{"path": "/etc/passwd", "text": ""}]),
        external(files=[{"path": "a//b", "text": ""}]),
        external(password_variable="path"),
        external(sha256="abc"),
        external(restarts=-1),
    ],
)
def test_what_makes_no_sense_is_no_pack(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MainSitePack.model_validate(raw)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (source(conference="external"), "external_client"),
        (source(external_client=CLIENT), "external_client"),
        (external(command=["/usr/bin/client", "{meetng}"]), "external_client.command.1"),
        (external(command=["/usr/bin/client", "{password}"]), "external_client.command.1"),
        (external(password_by="argument"), "external_client.password_by"),
        (external(password_by="file"), "external_client.password_by"),
        (external(files=[{"path": "a", "text": "{password:url}"}]), "external_client.files.0.text"),
        (external(minimum="1.2"), "external_client.minimum"),
    ],
)
def test_a_contradiction_is_named(raw: dict[str, Any], key: str) -> None:
    assert keys(raw) == [key]


def test_a_good_client_contradicts_nothing() -> None:
    assert keys(external()) == []
    assert keys(external(password_by="file", files=[{"path": "a", "text": "{password}"}])) == []
    assert pack().external_client is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CLIENT, "password_by", "minimum"]), _json))
def test_the_sense_of_any_source_can_be_asked(changes: dict[str, Any]) -> None:
    assert all(key and reason for key, reason in contradictions(external(**changes), NOW))


# --- the start ---


def test_words_and_files_are_filled_in_and_the_password_goes_by_the_environment() -> None:
    invitation = Invitation(alias="专家 01", meeting="912 345", password="s3cret")
    start = prepare(client(), invitation, {"DISPLAY": ":0", "HOME": "/home/kiosk"}, HOME)
    assert start.command == (
        "/usr/bin/client",
        "--join=912 345",
        "client://%E4%B8%93%E5%AE%B6%2001@meet.example.cn/",
    )
    assert start.files == {HOME / ".config/client.conf": '{"name": "专家 01", "wizard": false}'}
    assert start.environment["CONFERENCE_PASSWORD"] == "s3cret"
    assert "s3cret" not in repr(start) + repr(invitation)


def test_the_environment_is_the_clients_own_but_for_display_and_sound() -> None:
    environ = {
        "DISPLAY": ":0",
        "HOME": "/home/kiosk",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "LD_PRELOAD": "evil.so",
        "PATH": "/home/kiosk/bin",
    }
    found = dict(prepare(client(), Invitation(alias="a"), environ, HOME).environment)
    assert found.pop("CONFERENCE_PASSWORD") == ""
    assert found == {
        "DISPLAY": ":0",
        "XAUTHORITY": "/home/kiosk/.Xauthority",
        "PULSE_SERVER": "unix:/run/user/7/pulse/native",
        "PULSE_COOKIE": "/home/kiosk/.config/pulse/cookie",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/7/bus",
        "HOME": str(HOME),
        "XDG_RUNTIME_DIR": str(HOME / "runtime"),
        "TMPDIR": str(HOME / "tmp"),
        "PATH": "/usr/bin:/bin",
    }


@pytest.mark.parametrize(
    ("words_", "values"),
    [
        (["{meeting}"], {"meeting": "--config=/tmp/x"}),
        (["{alias}"], {"alias": "-x"}),
        (["x={alias}"], {"alias": "a\nb"}),
        (["x"], {"alias": 'a", "admin": true, "b": "'}),
        (["x"], {"alias": "a\u2028b"}),
    ],
)
def test_a_value_that_would_be_more_than_a_value_starts_nothing(words_: list[str], values: dict[str, str]) -> None:
    invitation = Invitation(**{"alias": "a"} | values)
    with pytest.raises(UnfitValueError, match=r"^(alias|meeting)$"):
        prepare(client(command=["/usr/bin/client", *words_]), invitation, {}, HOME)


_value = st.text(max_size=30)


@given(_value, _value, _value)
def test_no_value_makes_another_word_or_is_filled_in_itself(alias: str, meeting: str, password: str) -> None:
    made = client(command=["/usr/bin/client", "{alias}", "m={meeting}", "{password}"], password_by="argument", files=[])
    invitation = Invitation(alias=alias, meeting=meeting, password=password)
    try:
        start = prepare(made, invitation, {}, HOME)
    except UnfitValueError:
        return
    assert start.command == ("/usr/bin/client", alias, f"m={meeting}", password)
    assert not start.command[1].startswith("-")


def test_the_password_of_a_plan_is_in_no_repr() -> None:
    assert "s3cret" not in repr(ConferencePlan(meeting="1", password="s3cret"))


# --- windows ---

PANE = Rectangle(952, 60, 414, 650)
SCREEN = (1366, 768)


def test_the_main_window_fills_the_pane_or_grows_away_from_the_edge() -> None:
    assert fitting(PANE, (300, 200), SCREEN) == PANE
    assert fitting(PANE, (500, 200), SCREEN) == Rectangle(866, 60, 500, 650)
    assert fitting(PANE, (1, 740), SCREEN) == Rectangle(952, 0, 414, 740)


@given(*[st.integers(1, 5000)] * 2)
def test_a_dialog_begins_on_the_screen(width: int, height: int) -> None:
    found = beside(PANE, Rectangle(0, 0, width, height), SCREEN)
    assert (found.width, found.height) == (width, height)
    assert found.x >= 0
    assert found.y >= 0
    assert width > SCREEN[0] or found.x + width <= SCREEN[0]
    assert height > SCREEN[1] or found.y + height <= SCREEN[1]


def test_a_window_is_told_by_class_and_title() -> None:
    window = Window(number=1, pid=2, wm_class="mumble Mumble", title="Mumble -- 1.3")
    assert matches(window, "^mumble ", "")
    assert matches(window, "", "-- ")
    assert not matches(window, "^mumble ", "^Other")


# --- supervision ---

WELL = Sight(is_running=True, has_window=True)


def make(restarts: int = 3) -> Supervision:
    return Supervision(ready_s=20, restarts=restarts, now=0)


@pytest.mark.parametrize(
    ("sight", "now", "trouble"),
    [
        (Sight(is_running=False, has_window=True), 2.0, Trouble.ENDED),
        (Sight(is_running=True, has_window=False), 1.0 + GONE_S, Trouble.WINDOW_GONE),
        (Sight(is_running=True, has_window=True, silent_s=HUNG_S), 30.0, Trouble.HUNG),
    ],
)
def test_a_client_in_trouble_is_started_again_after_a_pause(sight: Sight, now: float, trouble: Trouble) -> None:
    rules = make()
    assert rules.look(WELL, 1.0) is Phase.READY
    assert rules.look(sight, now) is Phase.PAUSED
    assert rules.trouble is trouble
    assert not rules.is_due(now + PAUSES_S[0] - 0.1)
    assert rules.is_due(now + PAUSES_S[0])
    assert rules.phase is Phase.STARTING
    assert rules.look(WELL, now + 10) is Phase.READY


def test_a_client_without_a_window_is_not_waited_for_longer_than_the_pack_says() -> None:
    rules = make(restarts=0)
    assert rules.look(Sight(is_running=True, has_window=False), 19.9) is Phase.STARTING
    assert rules.look(Sight(is_running=True, has_window=False), 20.0) is Phase.GIVEN_UP
    assert rules.trouble is Trouble.NO_WINDOW


def test_restarts_count_from_nought_after_a_long_good_time() -> None:
    rules = make(restarts=1)
    rules.fail(Trouble.ENDED, 1)
    assert rules.is_due(10)
    rules.look(WELL, 11)
    assert rules.restarts_used == 1
    rules.look(WELL, 11 + SETTLED_S)
    assert rules.restarts_used == 0


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 40), st.floats(0, 60)), max_size=60),
)
def test_it_is_never_started_more_often_than_allowed(
    restarts: int, looks: list[tuple[bool, bool, float, float]]
) -> None:
    rules, now, starts = make(restarts), 0.0, 0
    for is_running, has_window, silent_s, pause_s in looks:
        now += min(pause_s, SETTLED_S / 100)
        phase = rules.look(Sight(is_running=is_running, has_window=has_window, silent_s=silent_s), now)
        starts += rules.is_due(now)
        assert rules.restarts_used <= restarts
        if phase is Phase.GIVEN_UP:
            assert rules.trouble is not None
            assert not rules.is_due(now + 1e6)
            assert rules.look(WELL, now) is Phase.GIVEN_UP
    assert starts <= restarts or now >= SETTLED_S
