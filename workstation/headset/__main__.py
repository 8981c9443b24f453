"""``python -m workstation.headset``: one sound check, or one unattended test, as JSON lines on stdin and stdout.

It ends after the result, and at once when its input ends: a sound check without an application is nobody's.
"""

from __future__ import annotations

import importlib
import os
import queue
import secrets
import sys
import threading
from collections.abc import Callable
from typing import IO

from drivers.contracts import CancelToken, HeadsetPair, SoundEndpoint
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.headset.sound import open_capture, open_playback
from workstation.headset.contract import Result, Suggestion, Transform
from workstation.headset.listening import BLOCK
from workstation.headset.soundcheck import SoundCheck, VoiceChange
from workstation.headset.unattended import run_unattended
from workstation.headset.wire import (
    MAX_LINE_BYTES,
    Again,
    Answer,
    Begin,
    Ended,
    LevelSeen,
    Listen,
    StepBegun,
    WireError,
    encode,
    read_command,
)

DIGITS = 4

Say = Callable[[StepBegun | LevelSeen | Ended], None]


def main() -> int:
    """Run; 0 after a result, 1 after nonsense or the end of input."""
    commands, events = sys.stdin.buffer, sys.stdout.buffer

    def say(event: StepBegun | LevelSeen | Ended) -> None:
        events.write(encode(event))
        events.flush()

    inbox: queue.SimpleQueue[Answer | Again] = queue.SimpleQueue()
    cancel = CancelToken()
    try:
        begin = read_command(commands.readline(MAX_LINE_BYTES + 1))
        if isinstance(begin, Listen):
            say(_ended(_listen_only(begin, commands)))
            return 0
        if not isinstance(begin, Begin):
            return 1
        threading.Thread(target=_listen, args=(commands, inbox, cancel), name="commands", daemon=True).start()
        say(_ended(_check(begin, say, inbox, cancel)))
    except (WireError, CancelledError, BrokenPipeError):
        return 1
    return 0


def _check(begin: Begin, say: Say, inbox: queue.SimpleQueue[Answer | Again], cancel: CancelToken) -> Result:
    try:
        change = _voice_change() if begin.transform is Transform.CHANGED else None
    except ImportError:
        return Result(code=ErrorCode.ANONYMITY_NOT_READY)
    digits = "".join(secrets.SystemRandom().sample("0123456789", DIGITS))
    try:
        with open_capture(begin.capture, BLOCK) as capture, open_playback(begin.playback) as playback:
            check = SoundCheck(capture, playback, say=say, inbox=inbox, cancel=cancel, change=change)
            return check.run(digits)
    except DeviceError as error:
        return Result(code=error.code, suggestion=Suggestion.PLUG)
    except TimeoutError:
        return Result(code=ErrorCode.HEADSET_LOST, suggestion=Suggestion.PLUG)


def _listen_only(wanted: Listen, commands: IO[bytes]) -> Result:
    """Test unattended; leave at once when the application goes, for nobody waits for the result then."""

    def leave() -> None:
        commands.read()
        os._exit(1)

    threading.Thread(target=leave, name="commands", daemon=True).start()
    playback = SoundEndpoint(name=wanted.playback, description="")
    return run_unattended(HeadsetPair(playback=playback, capture=SoundEndpoint(name=wanted.capture, description="")))


def _ended(result: Result) -> Ended:
    return Ended(code=result.code, suggestion=result.suggestion, is_looped=result.is_looped)


def _voice_change() -> VoiceChange:
    """Return a fresh change of voice. Raises ``ImportError`` where the conference is not installed."""
    module = importlib.import_module("workstation.conference.media.voice")
    process: VoiceChange = module.VoiceChanger().process
    return process


def _listen(commands: IO[bytes], inbox: queue.SimpleQueue[Answer | Again], cancel: CancelToken) -> None:
    """Put the expert's answers into the inbox until the input ends or talks nonsense."""
    try:
        while line := commands.readline(MAX_LINE_BYTES + 1):
            command = read_command(line)
            if isinstance(command, (Begin, Listen)):
                break
            inbox.put(command)
    except WireError:
        pass
    cancel.cancel()


if __name__ == "__main__":
    sys.exit(main())
