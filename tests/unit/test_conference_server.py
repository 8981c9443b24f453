"""The conference server's options, and what is derived for rooms, tokens and TURN."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from workstation.site.conference import RoomAccess
from workstation.site.server.meetings.conference_server import open_server
from workstation.site.server.meetings.janus import signed_token
from workstation.site.server.meetings.rooms import MeetingRooms
from workstation.site.server.options import OptionError

SECRET = "token-secret-of-the-test"
KEYS = f'admin_key = "admin-key-of-the-test"\ntoken_secret = "{SECRET}"\n'
TURN_SECRET = "turn-secret-of-the-test"
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def options(tmp_path):
    def file(name: str, text: str):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    return {
        "http": "http://127.0.0.1:8088/janus",
        "websocket": "wss://meet.example.test:8989",
        "keys_file": file("keys.toml", KEYS),
        "recordings": tmp_path,
        "turn": ["turn:turn.example.test:3478?transport=udp"],
        "turn_secret_file": file("turn", f"{TURN_SECRET}\n"),
    }


def test_what_it_gives_out(options):
    server = open_server(**options)
    claim, signature = server.token(MOMENT).split(":")
    assert claim == f"{int(MOMENT.timestamp())},janus,janus.plugin.videoroom,janus.plugin.textroom"
    expected = hmac.new(SECRET.encode(), claim.encode(), hashlib.sha1).digest()
    assert base64.b64decode(signature) == expected
    (turn,) = server.ice_servers("abc", MOMENT)
    assert turn.username == f"{int(MOMENT.timestamp())}:abc"
    expected = hmac.new(TURN_SECRET.encode(), turn.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(turn.credential) == expected
    for secret in (SECRET, TURN_SECRET, "admin-key-of-the-test"):
        assert secret not in repr(server)
    server.close()


def test_without_turn(options):
    server = open_server(**{**options, "turn": [], "turn_secret_file": None})
    assert server.ice_servers("abc", MOMENT) == []
    server.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"http": "http://192.0.2.1:8088/janus"}, "https is needed"),
        ({"http": "ftp://127.0.0.1"}, "http"),
        ({"websocket": "ws://192.0.2.1:8188"}, "wss is needed"),
        ({"websocket": "wss://"}, "wss"),
        ({"turn": ["http://x"]}, "turn:"),
        ({"turn": []}, "belong together"),
        ({"turn_secret_file": None}, "belong together"),
    ],
)
def test_options_that_cannot_be_used(options, changes, reason):
    with pytest.raises(OptionError, match=reason):
        open_server(**{**options, **changes})


@pytest.mark.parametrize(
    "text", ["", "admin_key = 1", KEYS + "more = 1", 'admin_key = "kurz"\ntoken_secret = "secret"', "="]
)
def test_keys_that_are_none(options, text):
    options["keys_file"].write_text(text)
    with pytest.raises(OptionError, match="admin_key and token_secret") as caught:
        open_server(**options)
    assert "kurz" not in str(caught.value)


def test_files_that_others_can_read_or_nobody_can(options, tmp_path):
    options["turn_secret_file"].write_text("short")
    with pytest.raises(OptionError, match="shorter"):
        open_server(**options)
    options["keys_file"].chmod(0o640)
    with pytest.raises(OptionError, match="chmod 600"):
        open_server(**options)
    options["keys_file"].unlink()
    with pytest.raises(OptionError, match="FileNotFoundError"):
        open_server(**options)
    with pytest.raises(OptionError, match="folder"):
        open_server(**{**options, "recordings": tmp_path / "none"})


def test_rooms_say_nothing_and_differ():
    one, two = MeetingRooms.of("k" * 40, "salt-1"), MeetingRooms.of("k" * 40, "salt-2")
    other_key = MeetingRooms.of("l" * 40, "salt-1")
    secrets = [value for rooms in (one, two, other_key) for value in (rooms.meeting, rooms.pin, rooms.secret)]
    secrets += [one.server_secret, two.server_secret, other_key.server_secret]
    assert len(set(secrets)) == len(secrets)
    assert MeetingRooms.of("k" * 40, "salt-1") == one
    for name in (one.meeting, one.desktop, one.documents):
        assert RoomAccess(room=name, pin=one.pin).room == name
    assert one.participant("k", "arrival:1") != one.participant("k", "arrival:2")
    assert one.participant("k", "arrival:1") != two.participant("k", "arrival:1")
    for secret in (one.pin, one.secret, one.server_secret):
        assert secret not in repr(one)


def test_a_token_is_for_both_plugins_until_its_end():
    assert signed_token("s", 5).startswith("5,janus,janus.plugin.videoroom,janus.plugin.textroom:")
