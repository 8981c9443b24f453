"""``kiosk-config idcard probe``: which way an ID card reader answers on this machine, and what a card says to it.

It builds readers exactly as the kiosk does, from the same settings, so what works here works there. Nothing is stored.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel

from drivers.contracts import CancelToken, CardReader, DeviceState, IdCardRecord, Presence
from drivers.errors import DeviceError
from drivers.idcard.codes import nation_name, sex_name
from drivers.idcard.discovery import PcscSeen, PortSeen, pcsc_readers, serial_ports, usb_devices
from drivers.idcard.uid import UidOnlyReader
from workstation.identity.masking import mask_name, mask_number
from workstation.readers import make_decoder, make_reader

from .model import BoothConfig

OPEN_TIMEOUT_S = 4.0
READ_TIMEOUT_S = 10.0
_LOOK_S = 0.3

Settings = dict[str, str | int | dict[str, str | int]]


class Way(BaseModel):
    """One way to a reader, and whether it answered. ``settings`` go into [reader] of the configuration."""

    settings: Settings
    state: DeviceState = DeviceState.ABSENT
    name: str = ""
    sam_id: str = ""
    firmware: str = ""
    detail: str = ""
    opened_ms: float | None = None


class CardSeen(BaseModel):
    """What the card says, masked."""

    card_type: str
    name: str
    id_number: str
    sex: str
    nation: str
    valid_until: str
    is_expired: bool
    photo: str
    read_ms: float
    photo_ms: float


class ProbeReport(BaseModel):
    """All that was found. ``used`` is the way over which the card was read."""

    pcsc_readers: list[str]
    pcsc_problem: str
    serial_ports: list[str]
    usb_devices: list[str]
    ways: list[Way] = []
    used: Way | None = None
    card: CardSeen | None = None
    card_problem: str = ""


@dataclass
class _Candidate:
    way: Way
    reader: CardReader
    presence: Presence = Presence.NO_READER
    was_tried: bool = False


def probe(config: BoothConfig, *, ports: list[str], card_timeout_s: float, ask: Callable[[str], None]) -> ProbeReport:
    """Try the configured way, then every other that can be tried without disturbing foreign devices.

    Args:
        config: the booth's configuration; its reader is tried first.
        ports: serial ports that may be written to. Others are listed only: a printer or a seal may hang there.
        card_timeout_s: how long to wait for a card; 0 looks at the readers only.
        ask: called with the one sentence the person at the reader has to know.
    """
    seen = pcsc_readers()
    usb = usb_devices(int(config.reader.usb.vendor_id, 16), int(config.reader.usb.product_id, 16))
    report = ProbeReport(
        pcsc_readers=list(seen.names),
        pcsc_problem=seen.problem,
        serial_ports=[f"{port.name} ({port.description})" for port in serial_ports()],
        usb_devices=[f"{device.name} ({device.description})" for device in usb],
    )
    candidates = []
    for settings in _ways(config, seen, usb, ports):
        candidate = _open(config, settings)
        report.ways.append(candidate.way)
        if candidate.presence is Presence.NO_READER:
            candidate.reader.close()
        else:
            candidates.append(candidate)
    try:
        if card_timeout_s > 0 and candidates:
            ask("Put an ID card on the reader.")
            _read_first_card(config, candidates, report, card_timeout_s)
    finally:
        for candidate in candidates:
            candidate.reader.close()
    return report


def _ways(config: BoothConfig, seen: PcscSeen, usb: tuple[PortSeen, ...], ports: list[str]) -> Iterator[Settings]:
    """Yield the settings to try, the booth's own first. Escape codes and vendors' libraries only as configured."""
    own = config.reader
    yield {}
    for name in seen.names:
        pattern = f"^{re.escape(name)}$"
        for driver in ("pcsc", "pcsc-storage"):
            if (own.driver, own.name_pattern) != (driver, pattern):
                yield {"driver": driver, "name_pattern": pattern}
    for port in ports:
        if own.driver != "serial" or own.serial.port != port:
            yield {"driver": "serial", "serial": {"port": port}}
    for framing in ("split", "whole") if usb else ():
        if own.driver != "usb" or own.usb.framing != framing:
            ids: dict[str, str | int] = {"vendor_id": own.usb.vendor_id, "product_id": own.usb.product_id}
            yield {"driver": "usb", "usb": ids | {"framing": framing}}


def _open(config: BoothConfig, settings: Settings) -> _Candidate:
    started = time.monotonic()
    reader = make_reader(_with_reader(config, settings))
    candidate = _Candidate(Way(settings=settings or {"driver": config.reader.driver}), reader)
    while candidate.presence is Presence.NO_READER and time.monotonic() - started < OPEN_TIMEOUT_S:
        candidate.presence = reader.wait(Presence.NO_READER, timeout_s=_LOOK_S, cancel=CancelToken())
        if reader.status.state is DeviceState.FAILED:
            break
    _note_status(candidate)
    if candidate.presence is not Presence.NO_READER:
        candidate.way.opened_ms = _ms_since(started)
    return candidate


def _with_reader(config: BoothConfig, settings: Settings) -> BoothConfig:
    raw = config.model_dump(mode="json")
    for key, value in settings.items():
        raw["reader"][key] = raw["reader"][key] | value if isinstance(value, dict) else value
    return BoothConfig.model_validate(raw)


def _note_status(candidate: _Candidate) -> None:
    status = candidate.reader.status
    way = candidate.way
    way.state, way.name, way.detail = status.state, status.name, status.detail or way.detail
    way.sam_id, way.firmware = status.serial or way.sam_id, status.firmware or way.firmware


def _read_first_card(
    config: BoothConfig, candidates: list[_Candidate], report: ProbeReport, card_timeout_s: float
) -> None:
    """Read the first card that any of the readers sees; what a reader cannot read may be read another way."""
    deadline = time.monotonic() + card_timeout_s
    report.card_problem = "no card was put on a reader"
    while time.monotonic() < deadline:
        for candidate in candidates:
            candidate.presence = candidate.reader.wait(candidate.presence, timeout_s=_LOOK_S, cancel=CancelToken())
            if candidate.presence is not Presence.CARD:
                candidate.was_tried = False
            elif not candidate.was_tried and _read(config, candidate, report):
                return


def _read(config: BoothConfig, candidate: _Candidate, report: ProbeReport) -> bool:
    started = time.monotonic()
    candidate.was_tried = True
    if isinstance(candidate.reader, UidOnlyReader):
        seen = candidate.reader.look(timeout_s=READ_TIMEOUT_S, cancel=CancelToken())
        told = f"a chip number of {len(seen.uid)} bytes" if seen is not None and seen.uid else "no chip number"
        candidate.way.detail = f"a card that tells {told}; without a SAM it can never be read here"
        report.card_problem = f"pcsc-uid: {candidate.way.detail}"
        return False
    try:
        record = candidate.reader.read(timeout_s=READ_TIMEOUT_S, cancel=CancelToken())
    except DeviceError as error:
        report.card_problem = f"{candidate.way.settings['driver']}: {error}"
        candidate.way.detail = str(error)
        return False
    finally:
        _note_status(candidate)
    read_ms = _ms_since(started)
    report.card, report.card_problem = _masked(config, record, read_ms), ""
    report.used = candidate.way
    return True


def _masked(config: BoothConfig, record: IdCardRecord, read_ms: float) -> CardSeen:
    started = time.monotonic()
    portrait = make_decoder(config).decode(record.photo_block)
    photo_ms = _ms_since(started)
    photo = "not opened" if portrait is None else f"opened, {portrait.shape[1]}x{portrait.shape[0]}"
    if portrait is not None:
        portrait.fill(0)
    return CardSeen(
        card_type=record.card_type.value,
        name=mask_name(record.name),
        id_number=mask_number(record.id_number),
        sex=sex_name(record.sex),
        nation=nation_name(record.nation) if record.nation else record.nationality,
        valid_until=record.valid_until.isoformat() if record.valid_until else "长期",
        is_expired=record.valid_until is not None and record.valid_until < date.today(),  # noqa: DTZ011 - local day
        photo=f"{photo} ({config.photo.decoder})",
        read_ms=read_ms,
        photo_ms=photo_ms,
    )


def _ms_since(started: float) -> float:
    return round(1000 * (time.monotonic() - started), 1)
