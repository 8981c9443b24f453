"""Build step: fetch the pinned libraries of the conference page into ``assets/conference/vendor/``.

Run as ``python -m assets.build_page``. Needs the ``build`` extra; the booth needs neither it nor a network.
"""

from __future__ import annotations

import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from assets import npm
from assets.npm import PackageError

VENDOR_DIR = Path(__file__).parent / "conference" / "vendor"

JANUS = npm.Package(
    name="janus-gateway",
    version="1.4.2",
    sha256="832db9248d4a493f33d13bf48acc61a11ceefa2350de11b942bafcd23bbb8693",
)
"""MIT: the text stands in the file itself. The package's COPYING is the GPL of the server, which is no part of this."""
ADAPTER = npm.Package(
    name="webrtc-adapter",
    version="9.0.6",
    sha256="361e50645a020ab2f598b5ea740ab81e49db32a22e1c588ecfde36ce874b428e",
)


@dataclass(frozen=True, kw_only=True)
class VendorFile:
    """One file as it ships: ``member`` of the package's tarball becomes ``name``."""

    package: npm.Package
    member: str
    name: str
    sha256: str


FILES = (
    VendorFile(
        package=JANUS,
        member="package/npm/dist/janus.es.js",
        name="janus.es.js",
        sha256="d8fefc61b452bed346d2915a4edb75eee01de789a2d2a872d512f5bb538f9d1c",
    ),
    VendorFile(
        package=ADAPTER,
        member="package/out/adapter.js",
        name="adapter.js",
        sha256="4c229747115c1545d5c35ab4dd1dce13de30817fc362697f44dc6abe3efa8d17",
    ),
    VendorFile(
        package=ADAPTER,
        member="package/LICENSE.md",
        name="adapter.LICENSE.md",
        sha256="00a46c6cfc219593b97586398b477e188391556e70487225d3ff9d60ccda6dce",
    ),
)


def ensure(vendor_dir: Path = VENDOR_DIR) -> Path:
    """Return ``vendor_dir``, fetching its files first unless all are there as pinned.

    Raises:
        PackageError: a package cannot be fetched, or its content is not the pinned one.
    """
    return npm.ensure(vendor_dir, is_complete, _build)


def is_complete(vendor_dir: Path) -> bool:
    """Say whether exactly the pinned files lie there."""
    try:
        found = {path.name: npm.sha256(path.read_bytes()) for path in vendor_dir.iterdir()}
    except OSError:
        return False
    return found == {file.name: file.sha256 for file in FILES}


def _build(target: Path, work: Path) -> None:
    for package in dict.fromkeys(file.package for file in FILES):
        with tarfile.open(npm.fetch(package, work)) as archive:
            for file in FILES:
                if file.package == package:
                    content = npm.member(archive, file.member)
                    npm.require(file.name, npm.sha256(content), file.sha256)
                    (target / file.name).write_bytes(content)


def main() -> int:
    """Fetch the libraries; 0 when they are there, 1 with the reason on stderr."""
    try:
        print(ensure())
    except PackageError as error:
        print(f"conference page: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
