"""The site's commands at the booth: each is carried out once, across starts of the program, and acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from drivers.errors import KioskError
from workstation.site.contract import MAX_ACKNOWLEDGED, Command

_logger = logging.getLogger(__name__)


class CommandStore(Protocol):
    """What is kept on disk of commands. Everything may raise ``KioskError``."""

    def take_command(self, command_id: UUID) -> bool:
        """Note that a command is about to be carried out. ``False``: it was taken before."""

    def unconfirmed_commands(self) -> list[UUID]:
        """Return the taken commands that the site may not know of."""

    def confirm_commands(self, command_ids: Iterable[UUID]) -> None:
        """Note that the site knows these to be taken."""


class Orders:
    """Takes commands. One thread uses it.

    On disk first, then carried out: what a power cut catches in between stays undone, nothing is done twice. While
    the disk cannot be written, commands are carried out all the same and remembered in memory: a full disk must not
    keep a reviewer's decision from the person who waits for it.

    Args:
        store: the disk.
        on_command: carries a command out; must not raise.
    """

    def __init__(self, store: CommandStore, on_command: Callable[[Command], None]) -> None:
        self._store = store
        self._on_command = on_command
        self._taken: set[UUID] = set()
        self._to_acknowledge: list[UUID] = []
        self._is_loaded = False
        self._store_failed = False

    def to_acknowledge(self) -> list[UUID]:
        """Return what the next report acknowledges, also from before a restart."""
        if not self._is_loaded:
            try:
                found = self._store.unconfirmed_commands()
            except KioskError as error:
                self._note(error)
            else:
                self._to_acknowledge += [ident for ident in found if ident not in self._to_acknowledge]
                self._is_loaded = True
        return self._to_acknowledge[:MAX_ACKNOWLEDGED]

    def were_acknowledged(self, command_ids: list[UUID]) -> None:
        """Note that a report with these acknowledgements was taken."""
        if not command_ids:
            return
        self._to_acknowledge = [ident for ident in self._to_acknowledge if ident not in set(command_ids)]
        try:
            self._store.confirm_commands(command_ids)
        except KioskError as error:
            self._note(error)  # they are acknowledged again after the next start, which is harmless

    def carry_out(self, commands: Iterable[Command]) -> None:
        """Carry out those that were not taken before."""
        for command in commands:
            ident = command.command_id
            if ident not in self._taken:
                self._taken.add(ident)
                if self._is_new(ident):
                    self._on_command(command)
            if ident not in self._to_acknowledge:
                self._to_acknowledge.append(ident)

    def _is_new(self, command_id: UUID) -> bool:
        try:
            is_new = self._store.take_command(command_id)
        except KioskError as error:
            self._note(error)
            return True
        self._store_failed = False
        return is_new

    def _note(self, error: KioskError) -> None:
        if not self._store_failed:
            _logger.info("commands are kept in memory only: %s %s", error.code, dict(error.context))
        self._store_failed = True
