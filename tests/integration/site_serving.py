"""The site server in a thread of this process, over real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn

from workstation.site.server.app import create_app
from workstation.site.server.site import Site


@contextlib.contextmanager
def serving(site: Site, port: int = 0) -> Iterator[str]:
    """Serve ``site`` and give the address; on ``port`` again after it was away."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(create_app(site), log_config=None, access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
