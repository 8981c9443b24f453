"""What is known of the machine itself: what is plugged into it, and how its clock is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drivers.contracts import CancelToken


@dataclass(frozen=True, kw_only=True)
class UsbDevice:
    """One device on the USB bus, without what tells it from its equals.

    Attributes:
        vendor_id: four hex digits, as ``product_id``.
        classes: USB class codes of the device and its interfaces, two hex digits each (usb.org, "Defined Class Codes").
        product: what it calls itself, "" when it does not.
    """

    vendor_id: str
    product_id: str
    classes: frozenset[str]
    product: str = ""

    @property
    def ids(self) -> str:
        """``vendor:product``, as ``lsusb`` writes it."""
        return f"{self.vendor_id}:{self.product_id}"

    @property
    def kind(self) -> str:
        """``vendor:product:class[,class]``: all that the journal says of it."""
        return f"{self.ids}:{','.join(sorted(self.classes))}"


class UsbBus(Protocol):
    """What is plugged in."""

    def devices(self) -> tuple[UsbDevice, ...] | None:
        """Return every device but the hubs of the machine itself; ``None`` where there is no bus to look at."""


class PlugEvents(Protocol):
    """Tells that something was plugged or unplugged, not what."""

    def wait(self, *, cancel: CancelToken) -> bool:
        """Block until something was, or the token is cancelled; true for the former.

        Raises:
            OSError: the system tells us nothing any more. The next call tries again.
        """

    def close(self) -> None:
        """Wait no more. Idempotent."""


@dataclass(frozen=True, kw_only=True)
class ClockTracking:
    """How the time service keeps this clock.

    Attributes:
        is_synchronised: it follows some reference; nothing else counts when it does not.
        offset_s: this clock minus the true time, seconds.
        uncertainty_s: half the delay to the reference and its dispersion, seconds.
        stratum: steps to a reference clock, 1 to 15; 0 when not synchronised.
        sources: how many sources are configured; ``reachable`` of them answered one of the last eight polls.
    """

    is_synchronised: bool
    offset_s: float
    uncertainty_s: float
    stratum: int
    sources: int
    reachable: int


class TimeService(Protocol):
    """Who keeps the clock."""

    def tracking(self) -> ClockTracking | None:
        """Return how it keeps it; ``None`` where no such service runs. Takes a few seconds at most."""
