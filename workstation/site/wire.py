"""The base of everything on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HexDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Wire(BaseModel):
    """Immutable, unknown fields are an error, every text is bounded and encodable."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=4096)
