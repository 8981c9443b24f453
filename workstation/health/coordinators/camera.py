"""The camera: is it there. Never opens it."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.contracts import Camera
from workstation.health.probes import read_device
from workstation.health.readings import Moment, Reading


class CameraCoordinator:
    """Asks the driver, which looks at the system's list."""

    name = "camera"
    period_s = 3.0

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        return [read_device(self._camera.present(), Moment.now())]
