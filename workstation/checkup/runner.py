"""Runs the probes of a check-up side by side, each with its own deadline. A device that hangs fails alone."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, KioskError
from workstation.checkup.findings import Reason, failed
from workstation.site.selfcheck import CheckupItem, CheckupKind

_log = logging.getLogger(__name__)

TOTAL_S = 60.0
"""Longest check-up: no group's deadlines may add up to more."""

Items = tuple[CheckupItem, ...]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One thing to look at.

    Attributes:
        deadline_s: after it, what has not answered is a fail, and is left behind.
        look: returns one item or several (every UPS). It may raise: a ``KioskError`` is that fault, anything else a
            crash of this item alone. Its token is set at the deadline, and when the check-up is ended.
    """

    kind: CheckupKind
    deadline_s: float
    look: Callable[[CancelToken], Items]
    subject: str = ""


class CheckupRunner:
    """Runs one check-up after the other. One thread calls ``run``.

    What hung in a check-up and still hangs in the next fails that one at once: no second thread waits behind it.
    """

    def __init__(self) -> None:
        self._stuck: dict[tuple[CheckupKind, str], threading.Thread] = {}

    def run(
        self, groups: Sequence[Sequence[Probe]], on_items: Callable[[Items], None], cancel: CancelToken
    ) -> list[CheckupItem] | None:
        """Run groups side by side, the probes of a group one after the other: they would disturb each other.

        Args:
            groups: of a sum of deadlines within ``TOTAL_S`` each.
            on_items: is called in several threads, with the items of each probe as it ends.
            cancel: ends the check-up at once.

        Returns:
            The items in the order of the groups, ``None`` when it was ended.
        """
        found: dict[tuple[int, int], Items] = {}

        def follow(number: int, group: Sequence[Probe]) -> None:
            for place, probe in enumerate(group):
                items = self._look(probe, cancel)
                if cancel.is_cancelled:
                    return
                found[number, place] = items
                on_items(items)

        threads = [
            threading.Thread(target=follow, args=each, name=f"checkup-{each[0]}", daemon=True)
            for each in enumerate(groups)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if cancel.is_cancelled:
            return None
        return [item for place in sorted(found) for item in found[place]]

    def _look(self, probe: Probe, cancel: CancelToken) -> Items:
        """Return what a probe found within its deadline; nothing once the check-up was ended."""
        name = (probe.kind, probe.subject)
        stuck = self._stuck.pop(name, None)
        if stuck is not None and stuck.is_alive():
            self._stuck[name] = stuck
            return (failed(probe.kind, Reason.TIMED_OUT, subject=probe.subject, detail="still hangs"),)
        answer: queue.SimpleQueue[Items] = queue.SimpleQueue()
        its_own = CancelToken()
        cancel.on_cancel(its_own.cancel)
        its_own.on_cancel(lambda: answer.put(()))
        thread = threading.Thread(
            target=lambda: answer.put(_guarded(probe, its_own)), name=f"checkup-{probe.kind}", daemon=True
        )
        thread.start()
        started_s = time.monotonic()
        try:
            items = answer.get(timeout=probe.deadline_s)
        except queue.Empty:
            its_own.cancel()
            self._stuck[name] = thread
            detail = f"no result in {time.monotonic() - started_s:.0f} s"
            return (failed(probe.kind, Reason.TIMED_OUT, subject=probe.subject, detail=detail),)
        return items


def _guarded(probe: Probe, cancel: CancelToken) -> Items:
    """Thread entry: whatever a probe raises becomes its item."""
    try:
        return probe.look(cancel)
    except CancelledError:
        return ()
    except KioskError as error:
        return (failed(probe.kind, Reason.FAULT, subject=probe.subject, code=error.code, detail=str(error)),)
    except Exception as error:  # noqa: BLE001 - thread entry: the others go on
        _log.exception("the look at %s failed", probe.kind)
        return (failed(probe.kind, Reason.CRASHED, subject=probe.subject, detail=type(error).__name__),)
