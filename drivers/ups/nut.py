"""A UPS behind a NUT server (``upsd``), by RFC 9271 over TCP, with STARTTLS when a TLS context is given."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import time
from contextlib import closing
from pathlib import Path

from drivers.contracts import BatteryTest, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.ups.edge import EdgeLog
from drivers.ups.protocol import (
    AnswerList,
    LineSplitter,
    NutProtocolError,
    NutServerError,
    check_ok,
    quote,
    reading_from_variables,
    split_words,
)
from drivers.ups.secret import Secret, SecretError

PORT = 3493
"""The registered port of upsd (RFC 9271, IANA "nut")."""


class NutUps:
    """One UPS of one NUT server.

    The connection is kept between polls and made anew when it broke. upsd drops a client that was silent for a
    minute, so a kept connection that turns out dead is replaced within the same poll.

    Args:
        host: name or address. A name is resolved at each connect by the system's resolver, whose own time limit
            adds to ``timeout_s``; give an address where the resolver is slow.
        username: account of the server's ``upsd.users``; "" when the server asks for none (reading needs none
            on a stock upsd).
        password: that account's password.
        ca_file: when given, STARTTLS is required and the server's certificate is verified against the authorities in
            it, and its name against ``host``. There is no way back to plain text.

    Raises:
        ValueError: a name with control characters.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ups_name: str,
        *,
        username: str = "",
        password: Secret | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._address = (host, port)
        self._ups_name = ups_name
        quote(ups_name)
        self._user_command = f"USERNAME {quote(username)}" if username else ""
        self._password = password
        self._ca_file = ca_file
        self._session: _Session | None = None
        self._edge = EdgeLog(logging.getLogger(__name__))

    def poll(self, *, timeout_s: float) -> UpsReading:
        """Read the UPS once. Any failure is ``flags=None`` with the reason in ``detail``; see ``Ups.poll``."""
        deadline = time.monotonic() + timeout_s
        try:
            reading = reading_from_variables(self._list_variables(deadline))
        except NutServerError as error:
            reading = UpsReading(flags=None, detail=error.token)
        except (NutProtocolError, OSError) as error:
            self.close()
            reading = UpsReading(flags=None, detail=_reason(error))
        self._edge.follow(reading)
        return reading

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:
        """See ``Ups.start_test``; the account needs ``instcmds`` at upsd."""
        self._command(f"test.battery.start.{test.value}", timeout_s)

    def stop_test(self, *, timeout_s: float) -> None:
        """See ``Ups.stop_test``."""
        self._command("test.battery.stop", timeout_s)

    def _command(self, command: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        try:
            if self._session is None:
                self._session = self._connect(deadline)
            check_ok(self._session.exchange(f"INSTCMD {quote(self._ups_name)} {command}", deadline))
        except NutServerError as error:
            raise DeviceError(ErrorCode.UPS_TEST_REFUSED, error.token) from error
        except (NutProtocolError, OSError) as error:
            self.close()
            raise DeviceError(ErrorCode.UPS_TEST_REFUSED, _reason(error)) from error

    def close(self) -> None:
        """Close the connection. Idempotent; the next poll opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _list_variables(self, deadline: float) -> dict[str, str]:
        if self._session is not None:
            try:
                return self._session.entries(("VAR", self._ups_name), deadline)
            except ConnectionError:
                self.close()
        self._session = self._connect(deadline)
        return self._session.entries(("VAR", self._ups_name), deadline)

    def _connect(self, deadline: float) -> _Session:
        password = self._password() if self._password is not None else ""
        tls = None if self._ca_file is None else _trust(self._ca_file)
        session = _Session(socket.create_connection(self._address, timeout=_remaining(deadline)))
        try:
            if tls is not None:
                session.start_tls(tls, self._address[0], deadline)
            if self._user_command:
                check_ok(session.exchange(self._user_command, deadline))
                check_ok(session.exchange(f"PASSWORD {quote(password)}", deadline))
        except BaseException:
            session.close()
            raise
        return session


def list_upses(host: str, port: int, *, timeout_s: float) -> dict[str, str]:
    """Return the UPSes of a upsd: their names and descriptions.

    Raises:
        OSError: it cannot be had; the text is a word as in ``UpsReading.detail``.
    """
    deadline = time.monotonic() + timeout_s
    try:
        session = _Session(socket.create_connection((host, port), timeout=_remaining(deadline)))
        with closing(session):
            return session.entries(("UPS",), deadline)
    except NutServerError as error:
        raise OSError(error.token) from error
    except (NutProtocolError, OSError) as error:
        raise OSError(_reason(error)) from error


class _Session:
    """One connection to upsd: a command out, lines in, all before a deadline of the monotonic clock."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = LineSplitter()

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: float) -> None:
        """Upgrade the connection, or raise: credentials never follow in plain text."""
        check_ok(self.exchange("STARTTLS", deadline))
        if not self._lines.is_empty:
            # Bytes sent before the handshake would be taken for the protected server's words.
            raise NutProtocolError("data before the TLS handshake")
        self._connection.settimeout(_remaining(deadline))
        self._connection = context.wrap_socket(self._connection, server_hostname=host)

    def exchange(self, command: str, deadline: float) -> tuple[str, ...]:
        """Send one command and return the words of its one-line answer."""
        self._send(command, deadline)
        return split_words(self._receive_line(deadline))

    def entries(self, query: tuple[str, ...], deadline: float) -> dict[str, str]:
        """Send ``LIST`` with these words and collect the entries."""
        if not self._lines.is_empty:
            raise NutProtocolError("unasked data")
        self._send(" ".join(("LIST", *map(quote, query))), deadline)
        answer = AnswerList(*query)
        while not answer.feed(split_words(self._receive_line(deadline))):
            pass
        return answer.entries

    def close(self) -> None:
        self._connection.close()

    def _send(self, command: str, deadline: float) -> None:
        self._connection.settimeout(_remaining(deadline))
        self._connection.sendall(command.encode() + b"\n")

    def _receive_line(self, deadline: float) -> bytes:
        while (line := self._lines.pop()) is None:
            self._connection.settimeout(_remaining(deadline))
            data = self._connection.recv(4096)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "closed by the server")
            self._lines.feed(data)
        return line


def _trust(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise SecretError(f"{ca_file.name}: no PEM certificate") from error
    except OSError as error:
        raise SecretError(f"{ca_file.name}: {errno.errorcode.get(error.errno or 0, 'unreadable')}") from error


def _remaining(deadline: float) -> float:
    """Seconds left; raises ``TimeoutError`` when none are (zero would mean "do not block" to a socket)."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _reason(error: NutProtocolError | OSError) -> str:
    """Name a failure by a word that does not depend on the system's language."""
    if isinstance(error, NutProtocolError):
        return f"protocol: {error}"
    if isinstance(error, SecretError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, socket.gaierror):
        return "host name not found"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
