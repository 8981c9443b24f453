"""Tells at once when something is plugged or unplugged: the kernel's uevents, over netlink, for any user."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable

from drivers.contracts import CancelToken

_KERNEL_GROUP = 1
_KOBJECT_UEVENT = 15
"""NETLINK_KOBJECT_UEVENT of linux/netlink.h."""
_MAX_BYTES = 8192
_LOOK_S = 1.0
"""How soon the end of the program is noticed."""
_SUBSYSTEMS = frozenset({"usb", "block", "video4linux"})


class KernelPlugEvents:
    """One thread waits on it, for life.

    Args:
        connect: opens the socket; another one in tests.

    Raises:
        OSError: this system tells nobody, or not us.
    """

    def __init__(self, connect: Callable[[], socket.socket] | None = None) -> None:
        self._connect = connect or open_socket
        self._socket: socket.socket | None = self._connect()

    def wait(self, *, cancel: CancelToken) -> bool:
        """See ``PlugEvents``. Events that the kernel dropped for want of room count as one."""
        listener = self._socket = self._socket or self._connect()
        try:
            while not cancel.is_cancelled:
                ready, _, _ = select.select([listener], [], [], _LOOK_S)
                if ready and self._drain(listener):
                    return True
        except OSError:
            self.close()
            raise
        return False

    def close(self) -> None:
        """Listen no more. Idempotent."""
        listener, self._socket = self._socket, None
        if listener is not None:
            listener.close()

    @staticmethod
    def _drain(listener: socket.socket) -> bool:
        """Take all events that wait; true when one is of our subsystems."""
        is_ours = False
        while True:
            try:
                data = listener.recv(_MAX_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return is_ours
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return True
                raise
            is_ours |= parse_event(data).get("SUBSYSTEM", "") in _SUBSYSTEMS


def open_socket() -> socket.socket:
    """Return a socket that hears the kernel's events.

    Raises:
        OSError: this system has none (Windows), or does not let us listen.
    """
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("no netlink on this system")
    listener = socket.socket(family, socket.SOCK_DGRAM, _KOBJECT_UEVENT)
    try:
        listener.bind((0, _KERNEL_GROUP))
    except OSError:
        listener.close()
        raise
    return listener


def parse_event(data: bytes) -> dict[str, str]:
    """Return the fields of one event, ``{}`` of anything else: ``action@path``, then ``KEY=value``, ended by NUL."""
    head, *fields = data.decode("utf-8", "replace").split("\0")
    if "@" not in head:
        return {}
    pairs = (field.partition("=") for field in fields)
    return {key: value for key, is_pair, value in pairs if is_pair and key}
