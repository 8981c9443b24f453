"""Decides when a stream may leave the booth: a pure state machine for one stream, time comes with the events.

Where the project demands a protection, nothing leaves without a proof that stands: seen working often enough before
the first packet, and again and again since. What was *refuted* (the protection was seen not working) stays stopped
until the expert or the application switches the stream off and on; what is merely late or unplugged comes back by
itself, through new proofs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, assert_never

from workstation.conference.contract import MediaFault, StreamPhase

STALE_S: Final = 1.5
"""A proof stands this long; with the time until it is noticed, a stuck protection is reported within two seconds."""


@dataclass(frozen=True)
class Wished:
    """The stream shall leave the booth, or shall not."""

    on: bool
    at: float


@dataclass(frozen=True)
class Proved:
    """The protection was seen working."""

    at: float


@dataclass(frozen=True)
class Refuted:
    """The protection was seen failing."""


@dataclass(frozen=True)
class DeviceLost:
    """The device gives nothing."""


@dataclass(frozen=True)
class DeviceBack:
    """The device gives again."""

    at: float


@dataclass(frozen=True)
class Passed:
    """Time went by."""

    at: float


Event = Wished | Proved | Refuted | DeviceLost | DeviceBack | Passed


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One stream's gate. Times are monotonic seconds.

    Attributes:
        demanded: whether the project demands the protection of this stream.
        protection, device: what is reported when it fails (MASK and CAMERA, VOICE and MICROPHONE).
        needed: proofs in a row before the stream is live.
        proofs: how many there were in a row.
        waiting_since: the last proof, or when they were first asked for.
        refuted: see the module.
    """

    demanded: bool
    protection: MediaFault
    device: MediaFault
    needed: int = 1
    phase: StreamPhase = StreamPhase.OFF
    fault: MediaFault = MediaFault.NONE
    proofs: int = 0
    waiting_since: float = 0.0
    refuted: bool = False

    @property
    def is_open(self) -> bool:
        """Whether packets leave."""
        return self.phase is StreamPhase.LIVE

    def after(self, event: Event) -> Gate:
        """Return the gate after an event."""
        match event:
            case Wished(on, at):
                return self._wished(at) if on else self._off()
            case Proved(at):
                return self._proved(at)
            case Refuted():
                return self._refuted()
            case DeviceLost():
                return self if self.phase is StreamPhase.OFF or self.refuted else self._stopped(self.device)
            case DeviceBack(at):
                return self._begun(at) if self.fault is self.device else self
            case Passed(at):
                return self._stopped(self.protection) if self._is_late(at) else self
            case _:
                assert_never(event)

    def _wished(self, at: float) -> Gate:
        return self._begun(at) if self.phase is StreamPhase.OFF else self

    def _off(self) -> Gate:
        return replace(self, phase=StreamPhase.OFF, fault=MediaFault.NONE, proofs=0, refuted=False)

    def _begun(self, at: float) -> Gate:
        phase = StreamPhase.PROVING if self.demanded else StreamPhase.LIVE
        return replace(self, phase=phase, fault=MediaFault.NONE, proofs=0, waiting_since=at)

    def _stopped(self, fault: MediaFault) -> Gate:
        return replace(self, phase=StreamPhase.STOPPED, fault=fault, proofs=0)

    def _refuted(self) -> Gate:
        if not self.demanded or self.phase is StreamPhase.OFF:
            return self
        return replace(self._stopped(self.protection), refuted=True)

    def _proved(self, at: float) -> Gate:
        if not self.demanded or self.phase is StreamPhase.OFF or self.refuted or self.fault is self.device:
            return self
        proofs = min(self.proofs + 1, self.needed)
        phase = StreamPhase.LIVE if proofs >= self.needed else StreamPhase.PROVING
        return replace(self, phase=phase, fault=MediaFault.NONE, proofs=proofs, waiting_since=at)

    def _is_late(self, at: float) -> bool:
        is_waiting = self.phase in {StreamPhase.PROVING, StreamPhase.LIVE}
        return self.demanded and is_waiting and at - self.waiting_since > STALE_S
