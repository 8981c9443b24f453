"""Puts the site server together."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from workstation.site.contract import API_VERSION
from workstation.site.server import problems
from workstation.site.server.body_limit import BodyLimit
from workstation.site.server.compression import Compression
from workstation.site.server.decompression import Decompression
from workstation.site.server.metrics.exposition import FleetCollector
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.metrics.server_metrics import CountRequests
from workstation.site.server.routes import admin, booth, conference, main_site, metrics, outages, packs
from workstation.site.server.site import Site

_REFUSAL = {
    "description": "Refused; RFC 9457 problem document",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def create_app(site: Site | None) -> FastAPI:
    """Build the application.

    Args:
        site: what requests work with; ``None`` to generate the API's description only.
    """
    # The interactive pages would load scripts from elsewhere, so they are off; docs/reference has the description.
    app = FastAPI(
        title="Evaluation site server",
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses={"4XX": _REFUSAL},
    )
    app.state.site = site
    problems.install(app)
    if site is not None:
        site.metrics.registry.register(FleetCollector(Fleet(site.database, site.clock)))
        site.database.when_stored(site.metrics.stored_events)
        # Next to the routes: further out only copies of what the router writes would be seen.
        app.add_middleware(CountRequests, metrics=site.metrics)
    # The last one added is met first: a body is counted as it comes, then decompressed.
    app.add_middleware(Compression)
    app.add_middleware(Decompression)
    app.add_middleware(BodyLimit)
    root = APIRouter(prefix=f"/v{API_VERSION}")
    root.add_api_route("/health", health, methods=["GET"], tags=["health"])
    for router in (
        booth.router,
        packs.booth_router,
        conference.booth_router,
        main_site.router,
        admin.router,
        outages.router,
        packs.admin_router,
        conference.admin_router,
    ):
        root.include_router(router)
    app.include_router(root)
    app.include_router(conference.page_router)
    app.include_router(metrics.router)
    return app


def health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}
