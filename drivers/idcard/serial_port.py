"""SDT frames over a serial port (GA/T 467-2019 ch. 7: 8 data bits, no parity, 1 stop bit, no flow control)."""

from __future__ import annotations

import sys
import time
from typing import Final

import serial

from drivers.contracts import CancelToken
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard.sdt import Command, encode_command, wipe
from drivers.idcard.stream import CANCEL_CHECK_S, collect_reply

BAUD_RATES: Final = (115200, 57600, 38400, 19200, 9600)
_PROBE_TIMEOUT_S: Final = 0.3
"""A status reply at 9600 baud takes 11 ms; the rest is the SAM's own time."""
_POWER_ON_S: Final = 2.0
"""A SAM that was just powered keeps silent for about this long."""
_WRITE_TIMEOUT_S: Final = 1.0
_QUIET_S: Final = 0.03
_PORTION: Final = 4096

if sys.platform == "win32":
    _PORT_ERRORS: Final[tuple[type[Exception], ...]] = (OSError,)
else:
    import termios

    # pyserial 3.5 lets it through when a port vanishes while it is configured; it is no OSError.
    _PORT_ERRORS: Final[tuple[type[Exception], ...]] = (OSError, termios.error)


class SerialPort:
    """A serial port by its name; remembers the speed at which a SAM answered last."""

    def __init__(self, port: str, baud: int = 0) -> None:
        """Make a reference; nothing is opened yet.

        Args:
            port: name of the port, such as ``/dev/ttyUSB0`` or ``COM3``.
            baud: speed in baud, 0 for trying all that SAMs use.
        """
        self.port = port
        self._baud_rates: tuple[int, ...] = (baud,) if baud else BAUD_RATES

    def open(self) -> SerialChannel:
        """Open the port for nobody else; the SAM is looked for with the first frame.

        Raises:
            DeviceError: READER_ABSENT.
        """
        return SerialChannel(self)

    @property
    def baud_rates(self) -> tuple[int, ...]:
        """The speeds to try, the one that answered last first."""
        return self._baud_rates

    def prefer(self, baud: int) -> None:
        """Try this speed first from now on."""
        self._baud_rates = (baud, *(other for other in self._baud_rates if other != baud))


class SerialChannel:
    """An ``SdtChannel`` over an open serial port.

    The speed is only ever tried with the SAM's status command; the SAM's own speed is never changed.
    """

    firmware: str = ""

    def __init__(self, port: SerialPort) -> None:
        self.name = port.port
        self._port = port
        self._has_answered = False
        self._is_in_step = False
        try:
            self._line = serial.Serial(
                port.port,
                port.baud_rates[0],
                timeout=CANCEL_CHECK_S,
                write_timeout=_WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except _PORT_ERRORS as error:
            raise _absent(error) from error

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send one frame and return the raw reply; see ``SdtTransport``.

        Raises:
            DeviceError: also READER_ABSENT when no SAM answers at any speed.
        """
        deadline = time.monotonic() + timeout_s
        try:
            if not self._has_answered:
                self._find_speed(deadline, cancel)
            return self._exchange(frame, deadline, cancel)
        except _PORT_ERRORS as error:
            raise _absent(error) from error

    def close(self) -> None:
        """Give the port back. Idempotent."""
        self._line.close()

    def _find_speed(self, deadline: float, cancel: CancelToken) -> None:
        power_on = min(deadline, time.monotonic() + _POWER_ON_S)
        while True:
            for baud in self._port.baud_rates:
                if self._answers_at(baud, cancel):
                    self._has_answered = True
                    self._port.prefer(baud)
                    self.name = f"{self._port.port} ({baud} Bd)"
                    return
            if time.monotonic() >= power_on:
                raise DeviceError(ErrorCode.READER_ABSENT, f"{self._port.port}: no reader answers")

    def _answers_at(self, baud: int, cancel: CancelToken) -> bool:
        self._line.baudrate = baud
        try:
            reply = self._exchange(encode_command(Command.SAM_STATUS), time.monotonic() + _PROBE_TIMEOUT_S, cancel)
        except DeviceError:
            return False
        wipe(reply)
        return True

    def _exchange(self, frame: bytes, deadline: float, cancel: CancelToken) -> bytearray:
        self._drop_old_bytes(deadline)
        self._is_in_step = False
        self._line.write(frame)
        reply, self._is_in_step = collect_reply(self._receive, deadline=deadline, cancel=cancel)
        return reply

    def _receive(self) -> bytes:
        return self._line.read(max(1, min(self._line.in_waiting, _PORTION)))

    def _drop_old_bytes(self, deadline: float) -> None:
        """Forget what came unasked. After a broken exchange, wait until the rest of its reply has passed."""
        quiet_until = time.monotonic() + (0.0 if self._is_in_step else _QUIET_S)
        while (waiting := self._line.in_waiting) or time.monotonic() < quiet_until:
            if waiting:
                self._line.read(waiting)
                quiet_until = time.monotonic() + _QUIET_S
            else:
                time.sleep(_QUIET_S / 10)
            if time.monotonic() >= deadline:
                raise DeviceError(ErrorCode.CARD_UNREADABLE, "the line is never quiet")


def _absent(error: Exception) -> DeviceError:
    return DeviceError(ErrorCode.READER_ABSENT, str(error))
