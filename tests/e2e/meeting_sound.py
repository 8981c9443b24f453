"""What the tests of a meeting hear and see: ears, pitch and pictures."""

from __future__ import annotations

import base64
import subprocess

import cv2
import numpy as np

from drivers.contracts import Image
from drivers.simulated.pulse import PulseService
from tests.integration.conference_stage import PageProcess
from workstation.conference.contract import SAMPLE_RATE
from workstation.conference.media.pitch import WINDOW, period

PICTURE = """
(() => {
  const video = document.querySelector('%s');
  if (!video || !video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
})()
"""


def heard(pulse: PulseService, seconds: float) -> np.ndarray:
    """Return what the headset plays into the left ear now, int16 at 48 kHz."""
    raw = ("--raw", "--format=s16le", f"--rate={SAMPLE_RATE}", "--channels=1", "--latency-msec=20")
    command = ["parec", f"--server={pulse.server}", f"--device={pulse.ear('left')}", *raw]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as recorder:
        assert recorder.stdout is not None
        data = recorder.stdout.read(round(seconds * SAMPLE_RATE) * 2)
        recorder.terminate()
    return np.frombuffer(data, np.int16)


def pitch_of(sound: np.ndarray) -> float:
    """Return the median pitch of the voiced parts in Hz, 0 where nobody speaks."""
    windows = np.asarray(sound[: len(sound) // WINDOW * WINDOW], np.float32).reshape(-1, WINDOW) / np.float32(32768)
    found = [SAMPLE_RATE / lag for lag in (period(window) for window in windows) if lag]
    return float(np.median(found)) if len(found) > len(windows) / 4 else 0.0


def picture_of(page: PageProcess, selector: str) -> Image | None:
    """Return the picture that a video element of the page shows now."""
    encoded = page.run(PICTURE % selector)
    if not encoded:
        return None
    return np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR), np.uint8)
