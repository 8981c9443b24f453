"""What all probes of an idle booth cost together: the health bridge alone in a process, real services around it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import tomli_w

from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from tests.bench.report import Row, show
from tests.chronyd import ChronydService
from workstation.spawn import module_command

WATCH_S = 60.0
SETTLE_S = 10.0
LIMIT_PERCENT = 1.0


def run(directory: Path) -> None:
    """Measure for a minute."""
    directory = directory.resolve()
    bench = BenchFile(directory / "bench.json")
    bench.write(BenchState())
    config_file, bus = _write_config(directory, bench.path), _plug_in(directory / "sysfs")
    with (
        PulseService(directory) as pulse,
        ChronydService(directory, "local stratum 10") as chronyd,
        _main_site() as main_site,
    ):
        pulse.plug()
        watched = (str(config_file), main_site, str(bus), *chronyd.options)
        percent = _measure(watched, {"PULSE_SERVER": pulse.server})
    what = f"all probes and the board, {WATCH_S:.0f} s, processor, of one core"
    show("Health: an idle booth", [Row(what=what, samples=[percent], unit="%", limit=LIMIT_PERCENT)])


def _measure(watched: Sequence[str], environment: dict[str, str]) -> float:
    command = module_command("tests.bench.health_child", *watched)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ) | environment
    ) as child:
        if child.stdout is None or child.stdout.readline() != b"ready\n":
            raise RuntimeError("the health bridge did not start")
        time.sleep(SETTLE_S)
        process = psutil.Process(child.pid)
        before_s = _cpu_seconds(process)
        time.sleep(WATCH_S)
        used_s = _cpu_seconds(process) - before_s
        child.communicate(timeout=10)
    return 100 * used_s / WATCH_S


def _cpu_seconds(process: psutil.Process) -> float:
    """Return what it and its children that ended have used so far; ``chronyc`` is one of those."""
    return float(sum(process.cpu_times()[:4]))


def _plug_in(bus: Path) -> Path:
    """Write what sysfs shows of ten devices with three interfaces each, more than a booth has."""
    for device in range(1, 11):
        fields = {"idVendor": "1209", "idProduct": f"{device:04x}", "bDeviceClass": "00", "product": "A device"}
        for name, own in (
            (f"1-{device}", fields),
            *((f"1-{device}:1.{n}", {"bInterfaceClass": "03"}) for n in range(3)),
        ):
            (bus / name).mkdir(parents=True)
            for field, text in own.items():
                (bus / name / field).write_text(f"{text}\n", encoding="ascii")
    return bus


def _write_config(directory: Path, bench_file: Path) -> Path:
    """Devices of the drill where a real one needs hardware, everything else as a booth has it."""
    document = {
        "schema_version": 1,
        "mode": "drill",
        "place": {"booth_id": "bench"},
        "camera": {"driver": "simulated"},
        "reader": {"driver": "simulated"},
        "headset": {"playback": PLAYBACK_NAME, "capture": CAPTURE_NAME},
        "token": {"usb": ["1209:0001"]},
        "signature_pad": {"usb": ["1209:0002"]},
        "storage": {"data_dir": str(directory), "min_free_mb": 50},
        "drill": {"bench_file": str(bench_file)},
    }
    path = directory / "booth.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


class _Page(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@contextmanager
def _main_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
