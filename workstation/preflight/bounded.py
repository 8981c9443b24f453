"""Runs jobs side by side and never waits longer than it was told, whatever a resolver or a server does."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class _Pool(Generic[_Result]):
    """Own threads, not an executor: at its exit the interpreter waits for an executor's threads, not for these."""

    def __init__(self, jobs: Sequence[Callable[[], _Result]]) -> None:
        self._jobs: queue.SimpleQueue[tuple[int, Callable[[], _Result]]] = queue.SimpleQueue()
        for item in enumerate(jobs):
            self._jobs.put(item)
        self._results: dict[int, _Result] = {}
        self._errors: list[BaseException] = []
        self._left = len(jobs)
        self._news = threading.Condition()

    def run(self, workers: int, timeout_s: float) -> tuple[dict[int, _Result], list[BaseException]]:
        for number in range(workers):
            threading.Thread(target=self._work, name=f"preflight-{number}", daemon=True).start()
        deadline = time.monotonic() + timeout_s
        with self._news:
            while self._left and not self._errors:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                self._news.wait(left_s)
            self._left = 0  # whoever is still at work takes no other job
            return dict(self._results), list(self._errors)

    def _work(self) -> None:
        while True:
            try:
                number, job = self._jobs.get_nowait()
            except queue.Empty:
                return
            try:
                outcome: tuple[_Result, None] | tuple[None, BaseException] = (job(), None)
            except Exception as error:  # noqa: BLE001 - thread entry: the caller gets it
                outcome = (None, error)
            with self._news:
                if not self._left:
                    return
                self._left -= 1
                if outcome[1] is not None:
                    self._errors.append(outcome[1])
                else:
                    self._results[number] = outcome[0]
                self._news.notify_all()


def in_parallel(jobs: Sequence[Callable[[], _Result]], *, workers: int, timeout_s: float) -> list[_Result | None]:
    """Run ``jobs`` and return their results in order, ``None`` for those that did not end in time.

    Raises:
        BaseException: what a job raised; jobs are expected to turn failures into results.
    """
    results, errors = _Pool(jobs).run(min(workers, len(jobs)), timeout_s)
    if errors:
        raise errors[0]
    return [results.get(number) for number in range(len(jobs))]
