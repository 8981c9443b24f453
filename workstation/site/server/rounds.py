"""Work that the server does by itself from time to time, each kind in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

_logger = logging.getLogger(__name__)


@contextmanager
def every(interval_s: float, work: Callable[[threading.Event], None], *, name: str) -> Iterator[None]:
    """Do ``work`` now and again and again while the block runs. A database that fails ends one round, not the thread.

    Args:
        interval_s: pause between two rounds.
        work: gets an event that is set when it should come to its end.
        name: of the thread.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_rounds, args=(interval_s, work, stop, name), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _rounds(interval_s: float, work: Callable[[threading.Event], None], stop: threading.Event, name: str) -> None:
    while True:
        try:
            work(stop)
        except SQLAlchemyError as error:
            _logger.error("a round of '%s' failed: %s", name, type(error).__name__)
        if stop.wait(interval_s):
            return
