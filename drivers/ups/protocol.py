"""The UPS management protocol (RFC 9271, NUT): lines to words, words to variables, variables to a reading. No I/O.

Everything here comes from the network and is checked before it is believed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from drivers.contracts import UpsFlag, UpsReading

MAX_LINE_BYTES = 4096
"""Longest accepted line. NUT's own buffer for one answer is 1024 bytes."""

MAX_LINES = 1024
"""Most lines accepted in one list. The largest devices in NUT's dump library have a few hundred."""

_WORD = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t"\\]+))(?=[ \t]|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_.-]+")
_ERROR_TOKEN = re.compile(r"[A-Z0-9-]{1,64}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_FLAGS = {flag.name: flag for flag in UpsFlag}


class NutProtocolError(Exception):
    """The server said something that is no valid answer. The connection cannot be trusted any more."""


class NutServerError(Exception):
    """The server answered ``ERR``; the connection stays usable.

    Attributes:
        token: the error, such as "DATA-STALE", "DRIVER-NOT-CONNECTED", "UNKNOWN-UPS".
    """

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.token = token


class LineSplitter:
    """Cuts a byte stream into lines and refuses one that does not end."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether every byte fed so far was taken out again."""
        return not self._buffer

    def feed(self, data: bytes) -> None:
        """Append bytes as they came from the socket."""
        self._buffer += data

    def pop(self) -> bytes | None:
        """Take the next line without its end, or ``None`` when none is complete.

        Raises:
            NutProtocolError: the line is longer than ``MAX_LINE_BYTES``.
        """
        end = self._buffer.find(b"\n", 0, MAX_LINE_BYTES + 1)
        if end < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise NutProtocolError("line too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")


def split_words(line: bytes) -> tuple[str, ...]:
    r"""Split a line into words: separated by blanks, quoted with ``"``, where ``\"`` and ``\\`` stand for themselves.

    Bytes that are not UTF-8 become U+FFFD: device names come in any encoding and decide nothing.

    Raises:
        NutProtocolError: an unfinished quote, or a quote or backslash inside a bare word.
    """
    text = line.decode("utf-8", "replace").rstrip(" \t")
    words: list[str] = []
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise NutProtocolError("bad quoting")
        quoted, bare = match.groups()
        words.append(bare if quoted is None else _ESCAPED.sub(r"\1", quoted))
        position = match.end()
    return tuple(words)


def quote(word: str) -> str:
    """Return ``word`` as it is sent: bare when it is harmless, else quoted.

    Raises:
        ValueError: it has a control character, which could start a second command.
    """
    if not word.isprintable():
        raise ValueError("a NUT name or password cannot have control characters")
    if _BARE.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def check_error(words: Sequence[str]) -> None:
    """Raise ``NutServerError`` when the answer is ``ERR token``."""
    if words and words[0] == "ERR":
        token = words[1] if len(words) > 1 else ""
        raise NutServerError(token if _ERROR_TOKEN.fullmatch(token) else "ERR")


def check_ok(words: Sequence[str]) -> None:
    """Accept ``OK`` with anything after it.

    Raises:
        NutServerError: the server refused.
        NutProtocolError: neither OK nor ERR.
    """
    check_error(words)
    if not words or words[0] != "OK":
        raise NutProtocolError("neither OK nor ERR")


class AnswerList:
    """Collects the answer to a ``LIST`` command: a BEGIN line, one line for each entry, an END line.

    Args:
        query: what was asked for, such as ``("VAR", "booth")`` or ``("UPS",)``; it begins every entry's line.

    Attributes:
        entries: the two words behind it in each entry, such as a variable's name and value.
    """

    def __init__(self, *query: str) -> None:
        self._query = query
        self._has_begun = False
        self._line_count = 0
        self.entries: dict[str, str] = {}

    def feed(self, words: Sequence[str]) -> bool:
        """Take one line; true when the list is complete.

        Raises:
            NutServerError: the server answered ERR.
            NutProtocolError: a line that does not belong here, or more than ``MAX_LINES``.
        """
        check_error(words)
        self._line_count += 1
        if self._line_count > MAX_LINES:
            raise NutProtocolError("list too long")
        line, length = tuple(words), len(self._query)
        if not self._has_begun and line == ("BEGIN", "LIST", *self._query):
            self._has_begun = True
        elif self._has_begun and line == ("END", "LIST", *self._query):
            return True
        elif self._has_begun and line[:length] == self._query and len(line) == length + 2:
            self.entries[line[-2]] = line[-1]
        else:
            raise NutProtocolError("unexpected line in list")
        return False


def parse_flags(status: str) -> UpsFlag | None:
    """Return the flags of ``ups.status``; ``None`` when no token is known.

    A driver that has only just started says "WAIT", and some print nothing: that is not a UPS on mains.
    """
    flags = UpsFlag(0)
    for token in status.split():
        flags |= _FLAGS.get(token, UpsFlag(0))
    return flags or None


def reading_from_variables(variables: Mapping[str, str]) -> UpsReading:
    """Judge the variables of one UPS. Figures that are no number or out of their range are left out."""
    status = variables.get("ups.status", "")
    flags = parse_flags(status)
    runtime_s = _number(variables.get("battery.runtime"), high=30 * 86400)
    if runtime_s == 0 and flags is not None and UpsFlag.OB not in flags:
        # WORKAROUND(https://github.com/networkupstools/nut/issues/2190): nutdrv_qx says 0 on mains for "not known".
        runtime_s = None
    return UpsReading(
        flags=flags,
        battery_charge_percent=_number(variables.get("battery.charge"), high=100),
        runtime_s=runtime_s,
        load_percent=_number(variables.get("ups.load"), high=1000),
        input_voltage_v=_number(variables.get("input.voltage"), high=1000),
        battery_low_percent=_number(variables.get("battery.charge.low"), high=100),
        battery_voltage_v=_number(variables.get("battery.voltage"), high=1000),
        temperature_celsius=_number(
            variables.get("ups.temperature") or variables.get("battery.temperature"), low=-50, high=150
        ),
        power_w=_number(variables.get("ups.realpower"), high=1_000_000),
        nominal_power_w=_number(variables.get("ups.realpower.nominal"), low=1, high=1_000_000),
        test_result=_printable(variables.get("ups.test.result", "")),
        serial=_printable(variables.get("device.serial") or variables.get("ups.serial") or ""),
        model=_printable(variables.get("ups.model") or variables.get("device.model") or ""),
        detail="" if flags is not None else f"ups.status {_printable(status) or 'missing'}",
    )


def _number(text: str | None, *, low: float = 0, high: float) -> float | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) and low <= value <= high else None


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:64]
