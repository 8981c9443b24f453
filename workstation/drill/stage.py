"""Everything around the kiosk in a drill: reader, UPS, sound, site server, main site, and the links between them.

Real services wherever this machine can run them: pcscd with vpcd's virtual reader, NUT's upsd with dummy-ups,
PulseAudio with a virtual headset, Janus. Where one cannot run, the kiosk's simulated device takes its place, or there
is no conference, and ``notes`` says so. The bench file is the only control; ``follow`` makes the services agree with
it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import tomli_w

from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.janus import JanusService
from drivers.simulated.pcscd import READER_NAME, PcscdError, PcscdService, free_port_pair
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from drivers.simulated.voice import digits
from workstation.drill import roster
from workstation.drill.administrator import Administrator
from workstation.drill.link import Link
from workstation.drill.packs import MAIN_SITE_ID, LaunchKind, PackOffice, demo_pack
from workstation.drill.roster import BOOTH_ID
from workstation.site.conference import ConferencePlan
from workstation.site.embedded import EmbeddedSite, ServerProcess
from workstation.spawn import module_command

DRILL_PLAN = ConferencePlan(mask=True, voice=True)
"""Shows all that a meeting can do."""
MAINS_RUNTIME_S = 15_120
"""4 h 12 min, what a booth's UPS should carry (rule annex 一(一)4 asks for 4 h)."""


class Stage:
    """Starts in ``start``, ends everything it started in ``close``, by id.

    Args:
        directory: for the bench file, the configuration, and every service's files.
        photo: settings of the configuration's [photo] section.
        face: settings of the configuration's [face] section.
        presence: settings of the configuration's [presence] section.
        launch: how the demo main site is entered.
        plan: how the project meets, where there is a conference server.
        screen: settings of the configuration's [screen] section.

    Attributes:
        config_file: the configuration for the kiosk.
        environment: what the kiosk needs in its environment.
        janus: the conference server, ``None`` where it cannot run.
        pulse: the sound server with the headset, the same.
        packs: signs the main-site packs that the kiosk believes.
        notes: what is simulated because a real service cannot run here, by device.
    """

    def __init__(
        self,
        directory: Path,
        photo: Mapping[str, str] | None = None,
        face: Mapping[str, list[str] | int] | None = None,
        presence: Mapping[str, float | bool] | None = None,
        launch: LaunchKind = "ticket-get",
        *,
        plan: ConferencePlan = DRILL_PLAN,
        **screen: bool | str,
    ) -> None:
        self.directory = directory
        self.bench = BenchFile(directory / "bench.json")
        self.config_file = directory / "booth.toml"
        self.environment: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self._photo = dict(photo or {})
        self._face = dict(face or {})
        self._presence = dict(presence or {})
        self._screen = screen
        self.packs = PackOffice()
        self._launch = launch
        self._plan = plan
        self.janus: JanusService | None = None
        self._applied = BenchState()
        self._undo = contextlib.ExitStack()
        self._pcscd: PcscdService | None = None
        self._upsd: UpsdService | None = None
        self.pulse: PulseService | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start every service and write the kiosk's configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.bench.write(BenchState())
        try:
            self._start_sites()
            sections: dict[str, Any] = {
                "reader": self._start_reader(),
                "ups": [{"id": "booth-ups", "feeds": ["booth"], **self._start_ups()}],
                "headset": self._start_headset(),
                "camera": {"driver": "simulated"},
            }
        except BaseException:
            self.close()
            raise
        self._write_config(sections)

    def close(self) -> None:
        """End everything. Idempotent."""
        self._undo.close()

    def follow(self) -> None:
        """Make the services agree with the bench file. Call it a few times a second."""
        state, before = self.bench.read(), self._applied
        if state == before:
            return
        self._applied = state
        if state.reader_plugged != before.reader_plugged and self._pcscd:
            self._switch(state.reader_plugged, self._pcscd.start, self._pcscd.stop)
        if state.headset_plugged != before.headset_plugged and self.pulse:
            self._switch(state.headset_plugged, self.pulse.plug, self.pulse.unplug)
        if state.mains_on != before.mains_on and self._upsd:
            self._switch(state.mains_on, self._mains_on, self._mains_off)
        if state.site_link_up != before.site_link_up:
            self._switch(state.site_link_up, self.site_link.restore, self.site_link.cut)
        if state.main_site_link_up != before.main_site_link_up:
            self._switch(state.main_site_link_up, self.main_site_link.restore, self.main_site_link.cut)

    @staticmethod
    def _switch(on: bool, turn_on: Callable[[], None], turn_off: Callable[[], None]) -> None:
        (turn_on if on else turn_off)()

    def _start_sites(self) -> None:
        site_dir = self.directory / "site"
        site_dir.mkdir(mode=0o700, exist_ok=True)
        options = self._start_conference()
        site = self._undo.enter_context(EmbeddedSite(site_dir, BOOTH_ID, review_pictures=True, options=options))
        self.tokens = site.tokens
        self.site_link = self._undo.enter_context(contextlib.closing(_link_to(site.base_url)))
        main_site = self._undo.enter_context(
            ServerProcess("workstation.drill.main_site", "--site", site.base_url, f"--token={site.tokens.main_site}")
        )
        self._main_site_url = main_site.base_url
        self.main_site_link = self._undo.enter_context(contextlib.closing(_link_to(main_site.base_url)))
        self.administrator = Administrator(site.base_url, site.tokens.admin)
        self._undo.callback(self.administrator.close)
        self.administrator.set_up_booth(BOOTH_ID, roster.booth())
        self.deliver_pack()
        self.deliver_roster()

    def deliver_pack(self) -> None:
        """Deliver a newly signed pack of the demo main site."""
        origin = f"http://127.0.0.1:{self.main_site_link.port}"
        pack = demo_pack(origin, launch=self._launch, conference="none" if self.janus is None else "built-in")
        self.administrator.deliver_pack(MAIN_SITE_ID, self.packs.issue(pack))

    def deliver_roster(self, *, listed: bool = True) -> None:
        """Deliver a new version of the roster; with ``listed`` false nobody is on it."""
        self.administrator.deliver(roster.roster(roster.entries() if listed else [], self._plan))

    def time_out_main_site(self) -> None:
        """Let the main site end every session, as its idle time-out does."""
        requests.post(f"{self._main_site_url}/drill/time-out", timeout=5).raise_for_status()

    def _start_reader(self) -> dict[str, Any]:
        port = free_port_pair()
        pcscd = PcscdService(port)
        try:
            pcscd.start()
        except PcscdError as error:
            pcscd.close()
            self.notes["reader"] = str(error)
            return {"driver": "simulated"}
        self._pcscd = pcscd
        self._undo.callback(pcscd.close)
        card = subprocess.Popen(
            module_command("drivers.simulated.vpcd", "--bench", str(self.bench.path), "--port", str(port)),
            stdin=subprocess.PIPE,
        )
        self._undo.callback(_end, card)
        return {"driver": "pcsc", "name_pattern": READER_NAME}

    def _start_ups(self) -> dict[str, Any]:
        folder = self.directory / "nut"
        folder.mkdir(mode=0o700, exist_ok=True)
        upsd = UpsdService(folder)
        try:
            self._undo.enter_context(upsd)
        except (OSError, RuntimeError) as error:
            self.notes["ups"] = str(error)
            return {"driver": "simulated"}
        self._upsd = upsd
        self._mains_on()
        return {"driver": "nut", "host": HOST, "port": upsd.port, "name": UPS_NAME, "poll_s": 1.0}

    def _start_headset(self) -> dict[str, Any]:
        folder = self.directory / "pulse"
        folder.mkdir(mode=0o700, exist_ok=True)
        pulse = PulseService(folder)
        try:
            self._undo.enter_context(pulse)
        except (OSError, RuntimeError) as error:
            self.notes["headset"] = str(error)
            return {"driver": "simulated"}
        self.pulse = pulse
        pulse.plug()
        self.environment["PULSE_SERVER"] = pulse.server
        return {"driver": "pulse", "playback": PLAYBACK_NAME, "capture": CAPTURE_NAME}

    @property
    def has_voice(self) -> bool:
        """Whether there is a sound server, and so a microphone to speak into."""
        return self.pulse is not None

    def speak(self) -> None:
        """Let somebody read four digits into the microphone."""
        if self.pulse is not None:
            self.pulse.say(digits("3852"))

    def _start_conference(self) -> list[str]:
        """Return what tells the site server of its conference server, nothing where there is none."""
        folder = self.directory / "janus"
        folder.mkdir(mode=0o700, exist_ok=True)
        janus = JanusService(folder)
        try:
            self._undo.enter_context(janus)
        except (OSError, RuntimeError) as error:
            self.notes["conference"] = str(error)
            return []
        self.janus = janus
        return janus.site_options(folder / "keys.toml")

    def _mains_on(self) -> None:
        if self._upsd:
            self._upsd.set("OL", charge=100, runtime_s=MAINS_RUNTIME_S, load=22)

    def _mains_off(self) -> None:
        if self._upsd:
            self._upsd.set("OB DISCHRG", charge=96, runtime_s=MAINS_RUNTIME_S - 1920, load=22)

    def _write_config(self, sections: dict[str, Any]) -> None:
        token_file = self.directory / "booth.token"
        token_file.touch(mode=0o600)
        token_file.write_text(self.tokens.booths[BOOTH_ID], encoding="utf-8")
        document = {
            "schema_version": 1,
            "mode": "drill",
            "place": {"booth_id": BOOTH_ID},
            "site": {
                "url": f"http://127.0.0.1:{self.site_link.port}",
                "token_file": str(token_file),
                "timeout_s": 2.0,
            },
            "main_site": {"pack_keys": [self.packs.public_key]},
            "storage": {"data_dir": str(self.directory / "kiosk"), "min_free_mb": 50},
            "photo": self._photo,
            "face": self._face,
            "presence": self._presence,
            # The drill runs on any machine, with whatever its owner has plugged into it.
            "usb": {"guard": False},
            "screen": {"count": 0} | self._screen,
            "self_check": {"daily_at": ""},  # it is played at any hour: 07:50 must not change the day
            "drill": {"bench_file": str(self.bench.path)},
            **sections,
        }
        self.config_file.write_text(tomli_w.dumps(document), encoding="utf-8")


def _link_to(base_url: str) -> Link:
    parts = urlsplit(base_url)
    return Link(parts.hostname or "127.0.0.1", parts.port or 80)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
