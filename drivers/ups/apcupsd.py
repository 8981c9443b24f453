"""A UPS behind apcupsd, by its network information server over TCP. It says how the UPS is and takes no commands."""

from __future__ import annotations

import errno
import logging
import socket
import time
from typing import NoReturn

from drivers.contracts import BatteryTest, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.ups.edge import EdgeLog
from drivers.ups.nis import QUESTION, NisProtocolError, Report, reading_from_fields

PORT = 3551
"""The registered port of apcupsd (IANA "apcupsd")."""


class ApcupsdUps:
    """The UPS of one apcupsd. Each poll is a connection of its own, as apcupsd's own ``apcaccess`` does.

    Args:
        host: name or address. A name is resolved at each poll by the system's resolver, whose own time limit adds to
            ``timeout_s``; give an address where the resolver is slow.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._edge = EdgeLog(logging.getLogger(__name__))

    def poll(self, *, timeout_s: float) -> UpsReading:
        """Read the UPS once. Any failure is ``flags=None`` with the reason in ``detail``; see ``Ups.poll``."""
        deadline = time.monotonic() + timeout_s
        try:
            reading = reading_from_fields(self._report(deadline))
        except (NisProtocolError, OSError) as error:
            reading = UpsReading(flags=None, detail=_reason(error))
        self._edge.follow(reading)
        return reading

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> NoReturn:  # noqa: ARG002 - the contract's names
        """Refuse; see ``Ups.start_test``."""
        raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "apcupsd takes no commands")

    def stop_test(self, *, timeout_s: float) -> NoReturn:  # noqa: ARG002 - the contract's names
        """Refuse; see ``Ups.stop_test``."""
        raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "apcupsd takes no commands")

    def close(self) -> None:
        """Nothing is open between polls."""

    def _report(self, deadline: float) -> dict[str, str]:
        report = Report()
        with socket.create_connection(self._address, timeout=_remaining(deadline)) as connection:
            connection.sendall(QUESTION)
            is_complete = False
            while not is_complete:
                connection.settimeout(_remaining(deadline))
                data = connection.recv(4096)
                if not data:
                    raise ConnectionResetError(errno.ECONNRESET, "closed by the server")
                is_complete = report.feed(data)
        return report.fields


def _remaining(deadline: float) -> float:
    """Seconds left; raises ``TimeoutError`` when none are (zero would mean "do not block" to a socket)."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _reason(error: NisProtocolError | OSError) -> str:
    """Name a failure by a word that does not depend on the system's language."""
    if isinstance(error, NisProtocolError):
        return f"protocol: {error}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "host name not found"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
