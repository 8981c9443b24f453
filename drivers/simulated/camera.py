"""The camera of the drill: shows whoever the bench says sits there, in a neutral booth."""

from __future__ import annotations

import time

import numpy as np

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, Frame, Image
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.attacks import SCREEN_GLOSS, held_still, mimicked, rehearsed
from drivers.simulated.bench import BenchFile, BenchState, Gesture, Scene
from drivers.simulated.gestures import RESTING, Expression, duration, idle, performed
from drivers.simulated.sheet import held_up, photograph, screen
from drivers.simulated.studio import ALONE, FPS, HEIGHT, WIDTH, Picture, Seat, booth, exposed, over, seated

_LEFT, _RIGHT = Seat(middle=0.29, size=0.72), Seat(middle=0.72, size=0.72)
_DIM_LIGHT = 0.16
_HAND = held_still(1)


class SimulatedCamera:
    """``Camera`` that renders the bench's scene, 640 x 480 at 15 frames a second.

    Frames differ as a live person's do (drift, blinks, distance, tilt, light, sensor noise) but depend on nothing but
    the scene, the gestures and the number of the frame since ``open``.
    """

    def __init__(self, bench: BenchFile) -> None:
        self._bench = bench
        self._film: _Film | None = None
        self._next_at = 0.0

    def present(self) -> DeviceStatus:
        """See ``Camera.present``."""
        state = DeviceState.READY if self._bench.read().camera_plugged else DeviceState.ABSENT
        return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name="Simulated camera", detail=f"{WIDTH}x{HEIGHT}")

    def open(self) -> None:
        """See ``Camera.open``."""
        self._require_plugged()
        self._film = _Film(self._bench.read())
        self._next_at = time.monotonic()

    def read(self, *, timeout_s: float) -> Frame:
        """See ``Camera.read``."""
        wait_s = max(self._next_at - time.monotonic(), 0.0)
        time.sleep(min(wait_s, max(timeout_s, 0.0)))
        self._require_plugged()
        if self._film is None or wait_s > timeout_s:
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "not open or no time"})
        now = time.monotonic()
        self._next_at = max(self._next_at + 1 / FPS, now)
        return Frame(image=self._film.next(self._bench.read()), captured_at=now)

    def close(self) -> None:
        """See ``Camera.close``."""
        self._film = None

    def _require_plugged(self) -> None:
        if not self._bench.read().camera_plugged:
            self.close()
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "unplugged on the bench"})


class _Film:
    """The frames since the camera was opened.

    Args:
        bench: as it is now; gestures made before are over.
    """

    def __init__(self, bench: BenchState) -> None:
        self._number = 0
        self._last: Image | None = None
        self._asked = (bench.gesture, bench.gestures)
        self._playing: list[tuple[Gesture, float]] = []

    def next(self, bench: BenchState) -> Image:
        """Take the next frame."""
        seconds = self._number / FPS
        if self._asked != (bench.gesture, bench.gestures):
            self._asked = (bench.gesture, bench.gestures)
            self._playing.append((bench.gesture, seconds))
        if bench.scene is not Scene.FROZEN or self._last is None:
            light = _DIM_LIGHT if bench.scene is Scene.DIM else 1.0
            self._last = exposed(self._picture(bench, seconds), seconds, self._number, light=light)
        self._number += 1
        return self._last.copy()

    def _asked_for(self, seconds: float) -> Expression:
        """Return the part of the expression that comes from gestures."""
        self._playing = [(gesture, at) for gesture, at in self._playing if seconds - at < duration(gesture)]
        expression = RESTING
        for gesture, at in self._playing:
            expression = expression.and_also(performed(gesture, seconds - at))
        return expression

    def _picture(self, bench: BenchState, seconds: float) -> Picture:
        expression = idle(seconds).and_also(self._asked_for(seconds))
        match bench.scene:
            case Scene.NOBODY:
                return booth()
            case Scene.COVERED:
                return np.zeros_like(booth())
            case Scene.TWO:
                behind = over(seated(Scene.PERSON_A, expression, seconds, _LEFT), booth())
                return over(seated(Scene.PERSON_B, idle(seconds + 40), seconds, _RIGHT), behind)
            case Scene.PRINT:
                held = mimicked(self._asked_for(seconds)).and_also(_HAND(seconds))
                return held_up(photograph(bench.subject), held)
            case Scene.REPLAY:
                shown = over(seated(bench.subject, idle(seconds).and_also(rehearsed(seconds)), seconds, ALONE), booth())
                return held_up(screen(exposed(shown, seconds, self._number)), _HAND(seconds), gloss=SCREEN_GLOSS)
            case Scene.PERSON_A | Scene.PERSON_B as person:
                return over(seated(person, expression, seconds, ALONE), booth())
            case Scene.FROZEN | Scene.DIM:
                return over(seated(bench.subject, expression, seconds, ALONE), booth())
