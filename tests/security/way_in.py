"""Leads a real kiosk to the hostile main site: the only place that knows how an expert gets there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.simulated.bench import Scene
from kiosk_config.pack.model import Browser, Documents, OriginRule, PageMark, TicketGet
from tests.security.hostile import HostileSite
from tests.security.watch import plant_programs
from workstation.drill.kiosk import KioskProcess
from workstation.drill.packs import MAIN_SITE_ID, demo_pack
from workstation.drill.script import Playwright
from workstation.drill.stage import Stage

ROOT = Path(__file__).parents[2]
SESSION_OPENBOX = ROOT / "assets/packaging/tree/opt/evaluation-workstation/session/openbox.xml"
_JOURNEY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Surroundings:
    """Folders of a browser process: all that it may write into, and the programs it would find."""

    base: Path

    @property
    def home(self) -> Path:
        """Its HOME."""
        return self.base / "home"

    @property
    def temporary(self) -> Path:
        """Its TMPDIR."""
        return self.base / "tmp"

    @property
    def calls(self) -> Path:
        """What the planted programs write into."""
        return self.base / "calls"

    def make(self) -> None:
        """Make the folders and plant the programs."""
        for folder in (self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        (self.home / "secret.txt").write_text("a file of the booth", encoding="utf-8")
        plant_programs(self.base / "bin", self.calls)

    def environment(self) -> dict[str, str]:
        """Return what the process gets."""
        return {
            "HOME": os.fspath(self.home),
            "TMPDIR": os.fspath(self.temporary),
            "PATH": f"{self.base / 'bin'}:{os.environ['PATH']}",
        }


class BrowserStage(Stage):
    """A stage whose pack is that of the hostile site, and whose devices are simulated: none is a way out of a page."""

    def __init__(self, directory: Path, site: HostileSite, face: Mapping[str, list[str] | int]) -> None:
        super().__init__(directory, face=face, presence={"watch": False}, fullscreen=True)
        self._site = site

    def deliver_pack(self) -> None:
        """Deliver a signed pack of the hostile site."""
        origin = self._site.origin
        ours = {
            "origins": (OriginRule(origin=origin),),
            "launch": TicketGet(url=f"{origin}/enter"),
            "fallback": None,
            "arrived": PageMark(origin=origin),
            "signed_out": None,
            # As open as a pack can be: what it allows is part of what can be abused.
            "documents": Documents(download=("pdf",), upload=("pdf",)),
            "browser": Browser(page_bridge=True),
            "certificate_authorities": (self._site.authority.certificate.read_text(encoding="ascii"),),
        }
        self.administrator.deliver_pack(MAIN_SITE_ID, self.packs.issue(demo_pack(origin).model_copy(update=ours)))

    def _start_reader(self) -> dict[str, Any]:
        return {"driver": "simulated"}

    def _start_ups(self) -> dict[str, Any]:
        return {"driver": "simulated"}

    def _start_headset(self) -> dict[str, Any]:
        return {"driver": "simulated"}


@contextlib.contextmanager
def evaluating_kiosk(
    place: Surroundings, site: HostileSite, environment: Mapping[str, str]
) -> Iterator[tuple[KioskProcess, Playwright]]:
    """Run a kiosk whose expert has just come to the hostile main site (评审中)."""
    face = {"liveness_actions": ["turn-left"], "liveness_count": 1}
    with (
        BrowserStage(place.base / "drill", site, face) as stage,
        KioskProcess(stage.config_file, stage.environment | place.environment() | environment) as kiosk,
    ):
        play = Playwright(stage, kiosk, None, lambda _line: None)
        lead_in(play)
        yield kiosk, play


def lead_in(play: Playwright) -> None:
    """Play the journey from the empty booth to 评审中."""
    play.until("idle", "idle", _JOURNEY_TIMEOUT_S)
    play.place(scene=Scene.PERSON_A, card="person-a")
    play.until("task-review", "matched", _JOURNEY_TIMEOUT_S)
    play.place(card=None)
    play.let(0.5)
    play.press("Return")
    play.until_recorded("checks_done")
    play.let(0.5)
    play.press("Return")
    play.until("evaluating", "evaluating", _JOURNEY_TIMEOUT_S)
