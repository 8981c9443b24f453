"""What the application and the media process tell each other over the process's pipes (framing: ``face.wire``)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from workstation.conference.contract import MediaAddress, MediaStatus, MediaWish
from workstation.face.contract import MAX_SIDE_PX


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Picture(_Message):
    """What lies in a shared frame. ``captured_at`` in monotonic seconds."""

    height: int = Field(ge=1, le=MAX_SIDE_PX)
    width: int = Field(ge=1, le=MAX_SIDE_PX)
    captured_at: float = 0.0


class Order(_Message):
    """To the process; one of these is set.

    Attributes:
        wish: what is wanted from now on.
        camera: a camera picture is in the shared frame; the next may follow when this one was ``Report.taken``.
        preview_seen: the preview frame was copied and may be written again.
    """

    wish: MediaWish | None = None
    camera: Picture | None = None
    preview_seen: bool = False


class Report(_Message):
    """From the process; one of these is set.

    Attributes:
        address: the process is ready. The first report.
        taken: the camera picture was used.
        preview: a processed picture is in the preview frame.
        error: the process cannot work; technical, never personal. The last report.
    """

    address: MediaAddress | None = None
    status: MediaStatus | None = None
    taken: bool = False
    preview: Picture | None = None
    error: str | None = None
