"""Runs one of our servers as a child process on loopback: the site server of a booth that has none, and the drill's."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from drivers.errors import ErrorCode, KioskError
from workstation.site.server.tokens import Tokens, TokensError, load_or_create
from workstation.spawn import module_command

START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0


class ServerProcess:
    """A server of ours in a child process. It ends with ``stop``, and with us at the latest.

    Args:
        module: its module; run with ``--port 0 --end-with-stdin``.
        arguments: its other arguments. They are visible to other users of the machine.

    Attributes:
        base_url: where it listens.

    Raises:
        KioskError: SITE_SERVER_UNREACHABLE when it did not say where it listens in ``START_TIMEOUT_S``.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        command = module_command(module, *arguments, "--host", "127.0.0.1", "--port", "0", "--end-with-stdin")
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise _not_started(type(error).__name__) from error
        try:
            self.base_url = self._listening()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process: by closing its input, then by signal, then by force. Idempotent."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        for escalate in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_STOP_TIMEOUT_S)
                break
            except subprocess.TimeoutExpired:
                escalate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _listening(self) -> str:
        lines: queue.Queue[bytes] = queue.Queue()
        stdout = self._process.stdout
        if stdout is None:
            raise _not_started("no output")
        threading.Thread(target=_read_line, args=(stdout, lines), name="server-line", daemon=True).start()
        try:
            return str(json.loads(lines.get(timeout=START_TIMEOUT_S))["listening"])
        except queue.Empty:
            raise _not_started("no answer in time") from None
        except (ValueError, KeyError, TypeError):
            raise _not_started("it ended or said something else") from None


class EmbeddedSite(ServerProcess):
    """The site server for one machine: loopback, SQLite in ``data``.

    Args:
        data: its folder; tokens and database are kept there from start to start.
        booth_ids: booths that get a token.
        review_pictures: whether it keeps pictures of reviews; not on a booth, whose disk they must never reach.
        options: more options of its command line. They are visible to other users of the machine.

    Attributes:
        tokens: its secrets, for the programs on this machine.
    """

    def __init__(self, data: Path, *booth_ids: str, review_pictures: bool = False, options: Sequence[str] = ()) -> None:
        try:
            self.tokens: Tokens = load_or_create(data, *booth_ids)
        except (OSError, TokensError) as error:
            raise _not_started(type(error).__name__) from error
        refusal = () if review_pictures else ("--no-review-pictures",)
        super().__init__("workstation.site.server", "--data", str(data), *refusal, *options)


def _read_line(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    with contextlib.suppress(OSError, ValueError):
        lines.put(stream.readline())


def _not_started(reason: str) -> KioskError:
    return KioskError(
        ErrorCode.SITE_SERVER_UNREACHABLE, "server did not start", context={"reason": reason}, retryable=False
    )
