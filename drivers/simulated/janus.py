"""A real Janus server for the drill and the tests: a child of the calling user on loopback, all files in one directory.

Rooms made through its interface are gone when it ends, as with every Janus; recordings stay.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated.child import end, free_port, wait_for_ports

JANUS = Path("/usr/bin/janus")
LIBRARIES = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "janus"
"""Where Debian keeps plugins and transports."""

_DISABLED_PLUGINS = (
    "lua", "duktape", "sip", "nosip", "voicemail", "videocall", "streaming", "echotest", "audiobridge", "recordplay",
)  # fmt: skip
_DISABLED_TRANSPORTS = ("rabbitmq", "mqtt", "nanomsg", "pfunix")
_RTP_PORTS = 200


class JanusService:
    """``janus`` with VideoRoom and TextRoom on free loopback ports; a context manager.

    Args:
        directory: an existing directory for configuration, log and recordings.

    Attributes:
        websocket: address for pages.
        http: address for the site server, which makes the rooms.
        admin_key: opens the making of rooms.
        token_secret: signs the tokens that every request needs.
        recordings: where streams are written.
        command_ports: those of ``websocket`` and ``http``; fixed from the beginning, so that a restart keeps them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.recordings = directory / "recordings"
        self.admin_key = secrets.token_urlsafe(24)
        self.token_secret = secrets.token_urlsafe(24)
        self.command_ports = (free_port(), free_port())
        self.websocket = f"ws://127.0.0.1:{self.command_ports[0]}"
        self.http = f"http://127.0.0.1:{self.command_ports[1]}/janus"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            OSError: there is no ``janus``.
            RuntimeError: it did not work in time; the message ends with the server's own words.
        """
        self._write_configuration()
        with (self._directory / "janus.out").open("wb") as log:
            self._process = subprocess.Popen(
                [str(JANUS), "-F", str(self._directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for_ports(self._process, self.command_ports, self._directory / "janus.out")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server. Idempotent."""
        process, self._process = self._process, None
        end(process)

    def kill(self) -> None:
        """End the server as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def site_options(self, keys_file: Path) -> list[str]:
        """Write the file of keys, and return the options that tell a site server of this one."""
        keys_file.touch(mode=0o600)
        keys_file.write_text(
            f'admin_key = "{self.admin_key}"\ntoken_secret = "{self.token_secret}"\n', encoding="utf-8"
        )
        return [
            f"--janus-http={self.http}",
            f"--janus-websocket={self.websocket}",
            f"--janus-keys-file={keys_file}",
            f"--recordings={self.recordings}",
        ]

    def _write_configuration(self) -> None:
        self.recordings.mkdir(mode=0o700, exist_ok=True)
        websocket_port, http_port = self.command_ports
        low = _free_port_range(_RTP_PORTS)
        files = {
            "janus.jcfg": _GENERAL.format(
                directory=self._directory,
                libraries=LIBRARIES,
                token_secret=self.token_secret,
                low=low,
                high=low + _RTP_PORTS - 1,
                plugins=_libraries(_DISABLED_PLUGINS),
                transports=_libraries(_DISABLED_TRANSPORTS),
            ),
            "janus.transport.websockets.jcfg": _WEBSOCKETS.format(port=websocket_port),
            "janus.transport.http.jcfg": _HTTP.format(port=http_port),
            "janus.plugin.videoroom.jcfg": _ROOMS.format(key=self.admin_key, more="lock_rtp_forward = true"),
            "janus.plugin.textroom.jcfg": _ROOMS.format(key=self.admin_key, more=""),
        }
        for name, text in files.items():
            path = self._directory / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")


def _libraries(names: tuple[str, ...]) -> str:
    return ",".join(f"libjanus_{name}.so" for name in names)


def _free_port_range(size: int) -> int:
    """Return where a range of UDP ports begins. Above the ephemeral ports nobody else draws from it."""
    return 61_000 + secrets.randbelow((65_535 - 61_000) // size - 1) * size


_GENERAL = """\
general: {{
  configs_folder = "{directory}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{libraries}/events"
  loggers_folder = "{libraries}/loggers"
  debug_level = 4
  session_timeout = 30
  reclaim_session_timeout = 10
  token_auth = true
  token_auth_secret = "{token_secret}"
}}
media: {{ ipv6 = false
  rtp_port_range = "{low}-{high}"
  dtls_mtu = 1200 }}
nat: {{ ice_lite = true
  ice_tcp = false
  ice_enforce_list = "lo" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""

_WEBSOCKETS = """\
general: {{ json = "compact"
  ws = true
  ws_port = {port}
  ws_ip = "127.0.0.1"
  wss = false
  pingpong_trigger = 10
  pingpong_timeout = 5 }}
admin: {{ admin_ws = false }}
"""

_HTTP = """\
general: {{ json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false }}
admin: {{ admin_http = false }}
"""

_ROOMS = """\
general: {{ admin_key = "{key}"
  string_ids = true
  {more} }}
"""
