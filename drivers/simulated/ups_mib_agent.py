"""The UPS-MIB of a simulated UPS, for snmpd's ``pass_persist``: questions on standard input, answers on output.

Runs as a child of snmpd: ``python ups_mib_agent.py STATE``. STATE is a JSON file: a dotted object identifier to
``[type, value]``, in snmpd's names of types. A test that is begun by SET is written into it. Only the standard library
is used, as snmpd starts this file with an environment of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

TEST_ID, TEST_LOCK = "1.3.6.1.2.1.33.1.7.1.0", "1.3.6.1.2.1.33.1.7.2.0"
TEST_RESULT, TEST_ABORT = "1.3.6.1.2.1.33.1.7.3.0", "1.3.6.1.2.1.33.1.7.7.2"

State = dict[str, tuple[str, str]]


def main(path: Path) -> None:
    """Answer until snmpd closes the input."""
    while line := sys.stdin.readline():
        command = line.strip()
        if not command:  # snmpd ends the value of a SET with an empty line
            continue
        if command == "PING":
            answer = ["PONG"]
        elif command == "set":
            answer = [_set(path, _line().lstrip("."), _line())]
        else:
            answer = _get(json.loads(path.read_text()), _line().lstrip("."), is_next=command == "getnext")
        sys.stdout.write("\n".join([*answer, ""]))
        sys.stdout.flush()


def _line() -> str:
    return sys.stdin.readline().rstrip("\n")


def _get(state: State, oid: str, *, is_next: bool) -> list[str]:
    if is_next:
        later = (known for known in state if _order(known) > _order(oid))
        oid = min(later, key=_order, default="")
    if oid not in state:
        return ["NONE"]
    return [f".{oid}", *map(str, state[oid])]


def _order(oid: str) -> list[int]:
    return [int(part) for part in oid.split(".")]


def _set(path: Path, oid: str, typed_value: str) -> str:
    """Take a lock or a test's name, as RFC 1628 wants them set."""
    state: State = json.loads(path.read_text())
    _, _, value = typed_value.partition(" ")
    accept = _SETTERS.get(oid)
    if accept is None or oid not in state:
        return "not-writable"
    if not accept(state, value.strip().strip('"').lstrip(".")):
        return "inconsistent-value"
    temporary = path.with_suffix(".agent")
    temporary.write_text(json.dumps(state))
    temporary.replace(path)
    return "DONE"


def _take_lock(state: State, value: str) -> bool:
    kind, held = state[TEST_LOCK]
    if value != held:
        return False
    state[TEST_LOCK] = kind, str(int(held) + 1)
    return True


def _take_test(state: State, value: str) -> bool:
    state[TEST_ID] = "objectid", f".{value}"
    state[TEST_RESULT] = "integer", "4" if value == TEST_ABORT else "5"
    return True


_SETTERS: dict[str, Callable[[State, str], bool]] = {TEST_LOCK: _take_lock, TEST_ID: _take_test}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
