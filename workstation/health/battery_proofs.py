"""What each battery has been seen to carry: kept across restarts, so that "four hours" rests on a discharge."""

from __future__ import annotations

import contextlib
import logging
import os
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_log = logging.getLogger(__name__)

FILE_NAME = "batteries.json"
"""Its place is the booth's data folder."""

_MAX_FILE_BYTES = 64 << 10


class BatteryProof(BaseModel):
    """The capacity of one battery, as work (percent of load times seconds) per percent of charge.

    Attributes:
        cost: at the last discharge that was long enough to measure it.
        first_cost: at the first one: what the battery could do when it was new here.
        load_percent: at the last one.
        seen_at: when that was.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    cost: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    first_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    load_percent: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    seen_at: AwareDatetime


_PROOFS = TypeAdapter(dict[str, BatteryProof])


class BatteryProofs:
    """A small file; every UPS's thread may ask and tell.

    A file that cannot be read counts as empty, one that cannot be written is logged: a proof is worth having, and
    never worth a booth.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._proofs = _load(path)

    def get(self, ups: str) -> BatteryProof | None:
        """Return what is proven of a UPS's battery."""
        with self._lock:
            return self._proofs.get(ups)

    def learn(self, ups: str, *, cost: float, load_percent: float, at: datetime) -> BatteryProof:
        """Keep what a discharge has shown, and return it with what the first one had."""
        with self._lock:
            before = self._proofs.get(ups)
            first = cost if before is None else before.first_cost
            proof = BatteryProof(cost=cost, first_cost=first, load_percent=load_percent, seen_at=at)
            self._proofs[ups] = proof
            self._save()
        return proof

    def _save(self) -> None:
        temporary = self._path.with_suffix(".new")
        try:
            with temporary.open("wb") as file:
                file.write(_PROOFS.dump_json(self._proofs))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            _log.warning("what the batteries carry could not be kept: %s", type(error).__name__)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, BatteryProof]:
    try:
        with path.open("rb") as file:
            return _PROOFS.validate_json(file.read(_MAX_FILE_BYTES))
    except (OSError, ValidationError):
        return {}
