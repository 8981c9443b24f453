"""TURN credentials at a real coturn: ours open a relay, those of another secret do not."""

from __future__ import annotations

import dataclasses
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.simulated.turn import TurnService
from workstation.site.conference import IceServer
from workstation.site.server.meetings.conference_server import ConferenceServer
from workstation.site.server.meetings.janus import Janus

CLIENT = "/usr/bin/turnutils_uclient"


def relay(port: int, credentials: IceServer) -> bool:
    """Let coturn's own client send three messages from relay to relay."""
    assert Path(CLIENT).exists(), "coturn is not installed (Debian: apt-get install coturn)"
    command = [CLIENT, "-u", credentials.username, "-w", credentials.credential, "-p", str(port)]
    done = subprocess.run(
        [*command, "-y", "-m", "1", "-n", "3", "127.0.0.1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0 and "Total lost packets 0" in done.stdout


@pytest.mark.parametrize("case", ["ours", "another secret", "expired"])
def test_who_gets_a_relay(tmp_path, case):
    now = datetime.now(UTC)
    with TurnService(tmp_path) as turn:
        server = ConferenceServer(
            janus=Janus("http://127.0.0.1:9/janus", "x" * 16),
            websocket="ws://127.0.0.1:9",
            recordings=tmp_path,
            admin_key="x" * 16,
            token_secret="x" * 16,
            turn=(turn.url,),
            turn_secret=turn.secret,
        )
        if case == "another secret":
            server = dataclasses.replace(server, turn_secret="another-secret-than-coturn")
        expires_at = now - timedelta(minutes=5) if case == "expired" else now + timedelta(hours=12)
        (credentials,) = server.ice_servers("abcdef0123", expires_at)
        assert credentials.urls == [turn.url]
        assert relay(turn.port, credentials) == (case == "ours")
        server.close()
    turn.stop()
