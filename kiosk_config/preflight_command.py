"""``kiosk-config pack preflight …``: try a main site from this machine, or see how all booths of a site stand."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .idcard_command import DEFAULT_FILE
from .loader import ConfigError, load
from .model import BoothConfig
from .pack.model import MainSitePack
from .pack.refusal import PackRefusedError
from .pack.signing import MAX_BYTES, Ed25519Verifier, read_pack
from .pack.store import FOLDER_NAME, PackStore
from .preflight_site import add_site_arguments, run_site

if TYPE_CHECKING:
    from workstation.certificate import BoothCertificate
    from workstation.site.preflight import PreflightReport

USAGE = 2
"""Exit code when the command itself cannot be carried out."""


class _UsageError(Exception):
    """Nothing was tried; the text says why."""


def add_arguments(commands: Any) -> None:
    """Add ``preflight`` and ``preflight-site`` to the sub-commands of ``pack``."""
    one = commands.add_parser("preflight", help="try a main site from this booth: 主场预检")
    one.add_argument("file", type=Path, help="the signed pack")
    one.add_argument("--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE} if it exists)")
    one.add_argument("--keys", nargs="+", metavar="KEY", help="trusted keys (default: the booth configuration's)")
    one.add_argument("--site-id", help="this sub-site in the pack's audience (default: the booth configuration's)")
    one.add_argument("--booth", help="the booth's name on the report (default: the booth configuration's)")
    one.add_argument("--drill", action="store_true", help="the browser may run as root, without its sandbox")
    one.add_argument("--now", type=_moment, help="judge validity for this moment (ISO 8601), such as tomorrow 09:00")
    one.add_argument("--report", type=Path, help="write the one-page report: PDF, or HTML when it ends in .html")
    one.add_argument("--json", type=Path, help="write the findings as JSON")
    add_site_arguments(commands.add_parser("preflight-site", help="how the booths of a site stand: 副场预检汇总"))


def run(options: argparse.Namespace) -> int:
    """Try; 0 nothing failed, 1 something did, 2 nothing could be tried, 130 interrupted."""
    try:
        return run_site(options) if options.pack == "preflight-site" else _run_one(options)
    except _UsageError as error:
        print(error, file=sys.stderr)
        return USAGE
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130


def _run_one(options: argparse.Namespace) -> int:
    config = _configuration(options)
    token = _text(options.file)
    try:
        pack = read_pack(token, Ed25519Verifier(_keys(options, config)))
    except PackRefusedError as error:
        print(f"{options.file}：环境包不可用（{error.refusal}）：{error.detail}", file=sys.stderr)
        return 1
    report = _try_it(options, config, pack)
    if report is None:
        print("预检没有完成：进程中断或超时。", file=sys.stderr)
        return 1
    return _tell(options, config, report)


def _try_it(options: argparse.Namespace, config: BoothConfig | None, pack: MainSitePack) -> PreflightReport | None:
    # The tool must start without the workstation's half second of imports.
    from workstation.preflight.process import PreflightProcess  # noqa: PLC0415
    from workstation.preflight.request import PreflightRequest  # noqa: PLC0415

    site_id = options.site_id if options.site_id is not None else (config.main_site.site_id if config else "")
    request = PreflightRequest(
        report_id=uuid4(),
        pack=pack,
        drill=options.drill or (config is not None and config.is_drill),
        known_serial=_known_serial(config, pack.main_site_id),
        sub_site=site_id,
        now=options.now,
        certificate=_certificate(config),
    )
    process = PreflightProcess()
    try:
        return process.run(request)
    finally:
        process.stop()


def _tell(options: argparse.Namespace, config: BoothConfig | None, report: PreflightReport) -> int:
    from workstation.paper_order import PaperOrder, print_paper  # noqa: PLC0415 - as above
    from workstation.preflight.lines import report_lines  # noqa: PLC0415
    from workstation.site.preflight import PreflightVerdict  # noqa: PLC0415

    booth = options.booth or (config.place.booth_id if config else "")
    print("\n".join(report_lines(report, booth=booth)))
    if options.json is not None:
        _write(options.json, f"{report.model_dump_json(indent=2)}\n")
    if options.report is not None and not print_paper(PaperOrder(file=options.report, booth=booth, report=report)):
        raise _UsageError(f"{options.report}: cannot be written")
    return 1 if report.verdict is PreflightVerdict.FAIL else 0


def _certificate(config: BoothConfig | None) -> BoothCertificate | None:
    """Return the booth's client certificate as ``workstation.devices`` gives it to the browser."""
    from workstation.certificate import BoothCertificate  # noqa: PLC0415 - as above

    files = (config.main_site.certificate_file, config.main_site.key_file) if config else (None, None)
    if files[0] is None or files[1] is None:
        return None
    return BoothCertificate(certificate_file=files[0], key_file=files[1])


def _configuration(options: argparse.Namespace) -> BoothConfig | None:
    if options.config is None and not DEFAULT_FILE.exists():
        return None
    return load(options.config or DEFAULT_FILE)


def _keys(options: argparse.Namespace, config: BoothConfig | None) -> list[str]:
    keys = options.keys if options.keys is not None else list(config.main_site.pack_keys) if config else []
    try:
        Ed25519Verifier(keys)
    except ValueError as error:
        raise _UsageError(f"--keys: {error}") from error
    return list(keys)


def _known_serial(config: BoothConfig | None, main_site_id: str) -> int:
    """Return the serial of the pack that this booth has, 0 without a usable one."""
    if config is None:
        return 0
    verifier = Ed25519Verifier(config.main_site.pack_keys)
    folder = config.storage.data_dir / FOLDER_NAME
    store = PackStore(folder, verifier, site_id=config.main_site.site_id, is_drill=config.is_drill)
    try:
        return store.get(main_site_id).serial
    except PackRefusedError:
        return 0


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 2).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise _UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.astimezone(UTC)
