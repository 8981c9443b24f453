"""What a monitoring engine calls (docs/metrics.md)."""

from __future__ import annotations

import gzip
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics

from workstation.site.server.access import SiteContext, require_metrics

_GZIP_LEVEL = 1
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/openmetrics-text": {}, "text/plain": {}}, "description": "All series"}
}

router = APIRouter(tags=["monitoring"], dependencies=[Depends(require_metrics)])


@router.get("/metrics", response_class=Response, responses=_ANSWER)
def metrics(
    site: SiteContext,
    accept: Annotated[str, Header()] = "",
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Give every booth and the server's own work, as OpenMetrics where the caller takes it."""
    # The library's own choice puts any version that is asked for into the answer, and fails on what is no number.
    if _takes(accept, "application/openmetrics-text"):
        media_type, body = openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest(site.metrics.registry)  # type: ignore[no-untyped-call]
    else:
        media_type, body = exposition.CONTENT_TYPE_PLAIN_0_0_4, exposition.generate_latest(site.metrics.registry)
    headers = {"Content-Type": media_type, "Vary": "Accept, Accept-Encoding"}
    if _takes(accept_encoding, "gzip"):
        body = gzip.compress(body, _GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers)


def _takes(accept: str, wanted: str) -> bool:
    return any(part.partition(";")[0].strip() == wanted for part in accept.lower().split(","))
