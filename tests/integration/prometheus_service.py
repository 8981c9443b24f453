"""A real Prometheus on loopback that scrapes one target, with the shipped alerts."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

ALERTS = Path(__file__).parents[2] / "assets" / "monitoring" / "alerts.yml"


class Prometheus:
    """Its API. Answers come when they are there."""

    def __init__(self, url: str, http: requests.Session) -> None:
        self._url = url
        self._http = http

    def values(self, query: str) -> dict[str, float]:
        """Return the values of an instant query by their labels, as JSON with sorted keys and without the target's."""
        found = self.ask("query", query=query)["result"]
        return {_labels(item["metric"]): float(item["value"][1]) for item in found}

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def ask(self, what: str, **parameters: str) -> Any:
        """Return the data of an answer."""
        answer = self._http.get(f"{self._url}/api/v1/{what}", params=parameters, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def wait(self, is_there: Callable[[], bool], limit_s: float = 40) -> None:
        """Wait until ``is_there`` says so."""
        deadline = time.monotonic() + limit_s
        while not is_there():
            assert time.monotonic() < deadline, self.ask("targets")
            time.sleep(0.2)


@contextlib.contextmanager
def scraping(target: str, token: str, folder: Path) -> Iterator[Prometheus]:
    """Scrape ``target`` each second, as docs/metrics.md says it is set up."""
    program = shutil.which("prometheus")
    assert program, "Prometheus is not installed (Debian: apt-get install prometheus)"
    folder.mkdir()
    (folder / "token").write_text(token)
    # YAML holds JSON.
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": "evaluation-site",
                "scheme": urlsplit(target).scheme,
                "authorization": {"credentials_file": str(folder / "token")},
                "static_configs": [{"targets": [urlsplit(target).netloc]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    options += [f"--web.listen-address={address}", "--log.level=error"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    with requests.Session() as http:
        http.trust_env = False
        try:
            deadline = time.monotonic() + 40
            while not _is_ready(http, f"http://{address}"):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield Prometheus(f"http://{address}", http)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(http: requests.Session, url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return http.get(f"{url}/-/ready", timeout=5).ok
    return False


def _labels(metric: dict[str, str]) -> str:
    kept = {name: value for name, value in metric.items() if name not in {"__name__", "instance", "job"}}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False)
