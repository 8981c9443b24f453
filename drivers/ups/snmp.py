"""A UPS with a network card of its own, asked by SNMP for the UPS-MIB (RFC 1628); SNMPv2c, or SNMPv3 with a user."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from pyasn1.type import univ
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC192_SHA256,
    USM_AUTH_HMAC256_SHA384,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB192_AES,
    USM_PRIV_CFB256_AES,
    USM_PRIV_NONE,
    CommunityData,
    ContextData,
    Integer32,
    Null,
    ObjectIdentifier,
    SnmpEngine,
    Udp6TransportTarget,
    UdpTransportTarget,
    UsmUserData,
    bulk_cmd,
    get_cmd,
    set_cmd,
)

from drivers.contracts import BatteryTest, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.ups import upsmib
from drivers.ups.edge import EdgeLog
from drivers.ups.secret import Secret, SecretError
from drivers.ups.upsmib import Value

PORT = 161
"""The registered port of SNMP agents."""

_Answer = TypeVar("_Answer")

_OBJECTS_PER_REQUEST = 8
"""Keeps an answer within the 484 bytes that every agent can send (RFC 3417 section 3.2)."""

_RETRY_S = 1.0
"""Seconds after which a lost datagram is sent again."""

_RETRIES = 30
"""More than fit into any deadline: the deadline ends the asking."""


class Authentication(StrEnum):
    """How an SNMPv3 user is authenticated (RFC 3414, RFC 7860)."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Privacy(StrEnum):
    """How SNMPv3 is encrypted (RFC 3826; 192 and 256 bits as most vendors do, draft-reeder-snmpv3-usm-3desede)."""

    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"


@dataclass(frozen=True, kw_only=True)
class Community:
    """SNMPv2c: a password in plain text in every datagram."""

    name: Secret


@dataclass(frozen=True, kw_only=True)
class User:
    """SNMPv3. Without ``privacy_passphrase`` authenticated and readable."""

    name: str
    passphrase: Secret
    authentication: Authentication = Authentication.SHA256
    privacy_passphrase: Secret | None = None
    privacy: Privacy = Privacy.AES128


class SnmpError(Exception):
    """The agent refused, or what it says cannot be used."""


class SnmpUps:
    """One UPS behind an SNMP agent.

    pysnmp is asynchronous; its loop is this object's and runs only inside the calls.

    Args:
        host: name or address. A name is resolved at each connection by the system's resolver, whose own time limit
            adds to ``timeout_s``.
    """

    def __init__(self, host: str, port: int, credentials: Community | User) -> None:
        self._address = (host, port)
        self._credentials = credentials
        self._loop: asyncio.AbstractEventLoop | None = None
        self._agent: _Agent | None = None
        self._edge = EdgeLog(logging.getLogger(__name__))

    def poll(self, *, timeout_s: float) -> UpsReading:
        """Read the UPS once. Any failure is ``flags=None`` with the reason in ``detail``; see ``Ups.poll``."""
        try:
            reading = self._run(_read, timeout_s)
        except SnmpError as error:
            reading = UpsReading(flags=None, detail=str(error))
        self._edge.follow(reading)
        return reading

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:
        """See ``Ups.start_test``; the community or user needs the right to write."""
        self._command(upsmib.TESTS[test], timeout_s)

    def stop_test(self, *, timeout_s: float) -> None:
        """See ``Ups.stop_test``."""
        self._command(upsmib.TEST_ABORT, timeout_s)

    def close(self) -> None:
        """Close the socket and the loop. Idempotent; the next call opens new ones."""
        agent, self._agent = self._agent, None
        loop, self._loop = self._loop, None
        if loop is None:
            return
        if agent is not None:
            agent.close()
            loop.run_until_complete(_cancel_others())
        loop.close()

    def _command(self, oid: str, timeout_s: float) -> None:
        try:
            self._run(partial(_set_test, oid), timeout_s)
        except SnmpError as error:
            raise DeviceError(ErrorCode.UPS_TEST_REFUSED, str(error)) from error

    def _run(self, call: Callable[[_Agent], Coroutine[Any, Any, _Answer]], timeout_s: float) -> _Answer:
        """Run one call to its end or the deadline. After a failure nothing of the connection is kept.

        Making an engine is a second of computing on a slow machine and waits for nobody: the time begins after it.
        """
        if self._loop is None:
            self._loop = _BlockingResolverLoop()
        try:
            if self._agent is None:
                self._agent = self._loop.run_until_complete(_Agent.open(self._address, self._credentials))
            return self._loop.run_until_complete(asyncio.wait_for(call(self._agent), timeout_s))
        except (SnmpError, PySnmpError, OSError) as error:
            self.close()
            raise SnmpError(_reason(error)) from error


class _Agent:
    """An SNMP engine with one peer. Requests raise ``SnmpError`` for what the agent refuses."""

    def __init__(self, engine: SnmpEngine, peer: tuple[Any, ...]) -> None:
        self._engine = engine
        self._peer = peer

    @classmethod
    async def open(cls, address: tuple[str, int], credentials: Community | User) -> _Agent:
        family = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0][0]
        transport = Udp6TransportTarget if family == socket.AF_INET6 else UdpTransportTarget
        target = await transport.create(address, timeout=_RETRY_S, retries=_RETRIES)
        return cls(SnmpEngine(), (_authority(credentials), target, ContextData()))

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """Return the values of those of the objects that the agent has."""
        objects = [(ObjectIdentifier(oid), Null("")) for oid in oids]
        found = _checked(await get_cmd(self._engine, *self._peer, *objects, lookupMib=False))
        return dict(_values(found))

    async def column(self, oid: str) -> list[Value]:
        """Return the first ``upsmib.MAX_ALARMS`` values below ``oid``."""
        start = (ObjectIdentifier(oid), Null(""))
        found = _checked(await bulk_cmd(self._engine, *self._peer, 0, upsmib.MAX_ALARMS, start, lookupMib=False))
        return [value for name, value in _values(found) if name.startswith(f"{oid}.")]

    async def set(self, objects: Sequence[tuple[str, Any]]) -> None:
        """Set all of the objects or none."""
        named = [(ObjectIdentifier(oid), value) for oid, value in objects]
        _checked(await set_cmd(self._engine, *self._peer, *named, lookupMib=False))

    def close(self) -> None:
        self._engine.close_dispatcher()


async def _read(agent: _Agent) -> UpsReading:
    values: dict[str, Value] = {}
    for start in range(0, len(upsmib.OBJECTS), _OBJECTS_PER_REQUEST):
        values |= await agent.get(upsmib.OBJECTS[start : start + _OBJECTS_PER_REQUEST])
    alarms = await agent.column(upsmib.ALARM_TABLE) if values.get(upsmib.ALARMS_PRESENT) else []
    return upsmib.reading_from_values(values, alarms)


async def _set_test(oid: str, agent: _Agent) -> None:
    lock = (await agent.get([upsmib.TEST_LOCK])).get(upsmib.TEST_LOCK)
    # RFC 1628: the lock's value, set back in the same request, shows that nobody else began a test in between.
    lock_objects = [(upsmib.TEST_LOCK, Integer32(lock))] if isinstance(lock, int) else []
    await agent.set([*lock_objects, (upsmib.TEST_ID, ObjectIdentifier(oid))])


class _BlockingResolverLoop(asyncio.SelectorEventLoop):
    """Resolves names where it is: a driver has one thread, and the loop would start another."""

    def __init__(self) -> None:
        super().__init__()
        # pysnmp raises in the loop for a datagram that is no SNMP; anybody can send one, and the answer still comes.
        self.set_exception_handler(lambda _loop, _context: None)

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """See ``asyncio.AbstractEventLoop.getaddrinfo``."""
        return socket.getaddrinfo(host, port, **options)


async def _cancel_others() -> None:
    """End the tasks that pysnmp left in the loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_AUTHENTICATION = {
    Authentication.SHA1: USM_AUTH_HMAC96_SHA,
    Authentication.SHA256: USM_AUTH_HMAC192_SHA256,
    Authentication.SHA384: USM_AUTH_HMAC256_SHA384,
    Authentication.SHA512: USM_AUTH_HMAC384_SHA512,
}
_PRIVACY = {
    Privacy.AES128: USM_PRIV_CFB128_AES,
    Privacy.AES192: USM_PRIV_CFB192_AES,
    Privacy.AES256: USM_PRIV_CFB256_AES,
}


def _authority(credentials: Community | User) -> Any:
    """Return what pysnmp signs a request with. Raises ``SecretError``."""
    if isinstance(credentials, Community):
        # Old cards know nothing else, and reading harms nobody; docs/ups.md says when not to use it.
        return CommunityData(credentials.name(), mpModel=1)  # noqa: S508
    privacy = credentials.privacy_passphrase
    return UsmUserData(
        credentials.name,
        authKey=credentials.passphrase(),
        authProtocol=_AUTHENTICATION[credentials.authentication],
        privKey=None if privacy is None else privacy(),
        privProtocol=USM_PRIV_NONE if privacy is None else _PRIVACY[credentials.privacy],
    )


def _checked(answer: tuple[Any, Any, Any, Any]) -> Any:
    """Return an answer's objects, or raise what the engine or the agent says instead of them."""
    indication, status, _, objects = answer
    if indication:
        raise SnmpError(type(indication).__name__)
    if status:
        raise SnmpError(status.prettyPrint())
    return objects


def _values(objects: Any) -> list[tuple[str, Value]]:
    """Return names and values; what the agent does not have is left out."""
    found: list[tuple[str, Value]] = []
    for name, value in objects:
        match value:
            case univ.ObjectIdentifier():
                found.append((str(name), str(value)))
            case univ.OctetString():
                found.append((str(name), bytes(value)))
            case univ.Integer():
                found.append((str(name), int(value)))
    return found


def _reason(error: Exception) -> str:
    """Name a failure by a word that does not depend on the system's language and holds no secret."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, SnmpError | SecretError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "host name not found"
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return type(error).__name__
