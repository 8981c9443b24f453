"""``python -m workstation.conference.media <models folder> <frame> <preview> <protections>``: the media process.

The words are the folder that ``assets.build_models`` wrote, the tokens of two shared frames, and the demanded
protections, ``mask`` and ``voice``, joined by a comma.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2

from drivers.errors import KioskError
from drivers.headset.sound import open_capture, open_playback
from workstation.conference.contract import BLOCK, Anonymity
from workstation.conference.media.voice_proof import drawn_change
from workstation.conference.media.wire import Report
from workstation.conference.media.worker import Parts, serve
from workstation.face.detector import FaceDetector
from workstation.face.frames import SharedFrame
from workstation.face.networks import load_manifest
from workstation.face.wire import write_message


def main(models_dir: str, frame_token: str, preview_token: str, protections: str) -> int:
    """Load what is needed and work; return only when that fails."""
    cv2.setNumThreads(1)
    reports = _private_stdout()
    demanded = protections.split(",")
    anonymity = Anonymity(mask="mask" in demanded, voice="voice" in demanded)
    try:
        manifest, _ = load_manifest(Path(models_dir))
        parts = Parts(
            detector=partial(FaceDetector, Path(models_dir), manifest.detector),
            make_changer=drawn_change(),
            open_capture=partial(open_capture, block=BLOCK),
            open_playback=open_playback,
        )
        serve(anonymity, parts, (SharedFrame(frame_token), SharedFrame(preview_token)), (sys.stdin.buffer, reports))
    except KioskError as error:
        write_message(reports, Report(error=f"{error} {error.context}"))
    except OSError as error:
        write_message(reports, Report(error=type(error).__name__))
    return 1


def _private_stdout() -> BinaryIO:
    """Take stdout for reports; whatever a library prints from now on goes nowhere."""
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return reports


if __name__ == "__main__":
    # Not a normal return: a reading thread sits in stdin and would hold the interpreter's shutdown up.
    os._exit(main(*sys.argv[1:5]))
