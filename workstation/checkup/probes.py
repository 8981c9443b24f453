"""What a check-up tries by itself: pictures, a tone, the main sites, the journal, the face engine. All unattended."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final, Protocol

from drivers.contracts import Camera, CancelToken, DeviceStatus, Exposure, FrameFacts, Headset
from drivers.errors import CancelledError, DeviceError, KioskError
from kiosk_config.pack.model import MainSitePack
from workstation.checkup.findings import Reason, failed, item, judge
from workstation.checkup.runner import Items, Probe
from workstation.evaluation.marks import origin_of
from workstation.face.client import FaceClient
from workstation.headset.client import SoundCheckClient
from workstation.health.links import MainSiteProbe
from workstation.health.probes import read_device
from workstation.health.readings import Moment
from workstation.health.trust import trust_of
from workstation.journal.journal import Journal
from workstation.preflight.bounded import in_parallel
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupItem, CheckupOwn, CheckupVerdict

CAMERA_S: Final = 25.0
HEADSET_S: Final = 30.0
FACE_S: Final = 30.0
JOURNAL_S: Final = 30.0
MAIN_SITES_S: Final = 40.0
"""Deadlines. A camera may take 14 s to open, a face engine 20 s to load from a cold disk."""

WATCH_S: Final = 4.5
"""How long pictures are looked at: a frozen one is told after three seconds."""
FRAME_TIMEOUT_S: Final = 3.0
MAX_MAIN_SITES: Final = 60
_WORKERS: Final = 8


class Packs(Protocol):
    """What is needed of the booth's packs."""

    def get(self, main_site_id: str) -> MainSitePack:
        """Return the pack of a main site. Raises ``KioskError`` without one that may be used."""

    def main_site_ids(self) -> list[str]:
        """Return of which main sites a pack is kept."""


def camera_probe(camera: Camera) -> Probe:
    """Return the probe of the camera: it opens, pictures come, they are neither black nor dark nor frozen."""
    return Probe(kind=ReadingKind.CAMERA, deadline_s=CAMERA_S, look=partial(look_at_camera, camera))


def headset_probe(make_headset: Callable[[], Headset], client: SoundCheckClient | None) -> Probe:
    """Return the probe of the headset: both plugs, and a tone that the microphone should hear.

    Args:
        make_headset: gives a connection to the sound server that nobody else uses.
        client: plays the tone; ``None`` for a simulated headset, which has no sound.
    """
    return Probe(kind=ReadingKind.HEADSET, deadline_s=HEADSET_S, look=partial(look_at_headset, make_headset, client))


def main_sites_probe(packs: Packs) -> Probe:
    """Return the probe of every main site of which a pack is here: it answers, and is the right one."""
    return Probe(kind=ReadingKind.MAIN_SITE, deadline_s=MAIN_SITES_S, look=partial(look_at_main_sites, packs))


def journal_probe(journal: Journal) -> Probe:
    """Return the probe of the journal: it takes an event, and its chain holds."""
    return Probe(kind=CheckupOwn.JOURNAL, deadline_s=JOURNAL_S, look=partial(look_at_journal, journal))


def face_probe(make_client: Callable[[], FaceClient]) -> Probe:
    """Return the probe of the face engine: the networks are whole, load and run."""
    return Probe(kind=CheckupOwn.FACE_ENGINE, deadline_s=FACE_S, look=partial(look_at_face_engine, make_client))


def look_at_camera(camera: Camera, cancel: CancelToken) -> Items:
    """See ``camera_probe``. Raises ``DeviceError(CAMERA_LOST)``."""
    known = judge(read_device(camera.present(), Moment.now()))
    if known.verdict is CheckupVerdict.FAIL:
        return (known,)
    with closing(camera):
        camera.open()
        facts, rate = _watched(camera, cancel)
    verdict, reason = _judge_picture(facts)
    values = {"frames_per_second": rate}
    if verdict is CheckupVerdict.PASS and known.verdict is CheckupVerdict.WARN:
        return (known.model_copy(update={"values": {"frames_per_second": round(rate, 1)}}),)
    if facts is not None:
        values["mean_luminance"] = facts.mean_luminance
    return (item(ReadingKind.CAMERA, verdict, reason, values=values, detail=known.detail, device=known.device),)


def _watched(camera: Camera, cancel: CancelToken) -> tuple[FrameFacts | None, float]:
    """Return the facts of the last picture and the pictures a second."""
    begun_s, count = time.monotonic(), 0
    facts: FrameFacts | None = None
    while (elapsed_s := time.monotonic() - begun_s) < WATCH_S:
        if cancel.is_cancelled:
            raise CancelledError
        facts = camera.read(timeout_s=FRAME_TIMEOUT_S).facts
        count += 1
    return facts, count / elapsed_s


def _judge_picture(facts: FrameFacts | None) -> tuple[CheckupVerdict, Reason]:
    if facts is None or facts.is_black:
        return CheckupVerdict.FAIL, Reason.COVERED
    if facts.is_frozen:
        return CheckupVerdict.FAIL, Reason.FROZEN
    if facts.exposure is Exposure.TOO_DARK:
        return CheckupVerdict.WARN, Reason.TOO_DARK
    if facts.exposure is Exposure.TOO_BRIGHT:
        return CheckupVerdict.WARN, Reason.TOO_BRIGHT
    return CheckupVerdict.PASS, Reason.GOOD


def look_at_headset(make_headset: Callable[[], Headset], client: SoundCheckClient | None, cancel: CancelToken) -> Items:
    """See ``headset_probe``. The system's defaults and volumes are as before when this returns."""
    with closing(make_headset()) as headset:
        status = headset.status()
        known = judge(read_device(status, Moment.now()))
        # A mute of yesterday is no fault: taking the headset ends it.
        is_muted = known.verdict is CheckupVerdict.WARN and headset.pair() is not None
        if client is None or (known.verdict is not CheckupVerdict.PASS and not is_muted):
            return (known,)
        return (_heard(headset, client, cancel, status, known),)


def _heard(
    headset: Headset, client: SoundCheckClient, cancel: CancelToken, status: DeviceStatus, known: CheckupItem
) -> CheckupItem:
    cancel.on_cancel(client.cancel)
    try:
        pair = headset.take()
        if cancel.is_cancelled:
            raise CancelledError
        result = client.run_unattended(pair)
    except DeviceError as error:
        return failed(ReadingKind.HEADSET, Reason.FAULT, code=error.code, detail=status.name)
    finally:
        headset.give_back()
    if result.code is not None:
        return item(
            ReadingKind.HEADSET,
            CheckupVerdict.FAIL,
            Reason.FAULT,
            code=result.code,
            detail=result.suggestion.value,
            device=known.device,
        )
    if not result.is_looped:
        return item(ReadingKind.HEADSET, CheckupVerdict.WARN, Reason.EARS_NOT_HEARD, device=known.device)
    return item(ReadingKind.HEADSET, CheckupVerdict.PASS, Reason.GOOD, device=known.device)


def look_at_main_sites(packs: Packs, cancel: CancelToken) -> Items:
    """See ``main_sites_probe``. At most ``MAX_MAIN_SITES`` of them, a few at a time."""
    ids = packs.main_site_ids()[:MAX_MAIN_SITES]
    if not ids:
        return (item(ReadingKind.MAIN_SITE, CheckupVerdict.NOT_FITTED, Reason.NO_PACK),)
    jobs = [partial(_look_at_main_site, packs, main_site_id, cancel) for main_site_id in ids]
    found = in_parallel(jobs, workers=_WORKERS, timeout_s=MAIN_SITES_S - 5)
    return tuple(
        each or failed(ReadingKind.MAIN_SITE, Reason.TIMED_OUT, subject=main_site_id)
        for main_site_id, each in zip(ids, found, strict=True)
    )


def _look_at_main_site(packs: Packs, main_site_id: str, cancel: CancelToken) -> CheckupItem:
    if cancel.is_cancelled:
        return failed(ReadingKind.MAIN_SITE, Reason.TIMED_OUT, subject=main_site_id)
    try:
        pack = packs.get(main_site_id)
    except KioskError as error:
        return failed(ReadingKind.MAIN_SITE, Reason.FAULT, subject=main_site_id, code=error.code, detail=str(error))
    reading = MainSiteProbe(origin_of(pack.launch.url), trust_of(pack)).probe()
    return judge(reading).model_copy(update={"subject": main_site_id})


def look_at_journal(journal: Journal, _cancel: CancelToken) -> Items:
    """See ``journal_probe``. The event that it writes stays: it says that a check-up began."""
    begun_s = time.monotonic()
    journal.append("checkup_begun", "", {})
    append_s = time.monotonic() - begun_s
    chain = journal.verify()
    values = {"events": float(chain.events), "append_ms": append_s * 1000}
    if chain.first_broken_seq is not None:
        detail = f"event {chain.first_broken_seq}"
        return (item(CheckupOwn.JOURNAL, CheckupVerdict.FAIL, Reason.CHAIN_BROKEN, values=values, detail=detail),)
    return (item(CheckupOwn.JOURNAL, CheckupVerdict.PASS, Reason.GOOD, values=values),)


def look_at_face_engine(make_client: Callable[[], FaceClient], cancel: CancelToken) -> Items:
    """See ``face_probe``. In a child of its own: the one that waits for an expert is left alone."""
    client = make_client()
    cancel.on_cancel(client.cancel)
    begun_s = time.monotonic()
    try:
        client.start()
        identity = client.identity
    finally:
        client.close()
    detail = "" if identity is None else f"{identity.name} {identity.version}"
    return (
        item(
            CheckupOwn.FACE_ENGINE,
            CheckupVerdict.PASS,
            Reason.GOOD,
            values={"load_s": time.monotonic() - begun_s},
            detail=detail,
        ),
    )
