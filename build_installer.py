"""Builds the Debian package of the kiosk into dist/ and plays a day with it.

python build_installer.py            build, then check
python build_installer.py --check    check the package that is already there
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from importlib.metadata import distribution, version
from pathlib import Path

from assets import build_models, build_page
from assets.build_models import MODELS_DIR
from assets.build_page import VENDOR_DIR
from assets.packaging import bundle, debian, licences
from assets.packaging.check import CheckError, check

ROOT = Path(__file__).parent.resolve()
WORK = ROOT / "build" / "installer"
DIST = ROOT / "dist"


class BuildError(Exception):
    """The package cannot be built here."""


def main() -> int:
    """Build and check; 0 when the package is good, 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only check the package that is already built")
    options = parser.parse_args()
    try:
        package = _built() if options.check else build()
        print(f"package: {package} ({package.stat().st_size / 1e6:.0f} MB)")
        check(package, lambda line: print(line, flush=True))
    except (
        BuildError,
        bundle.BundleError,
        debian.PackageError,
        licences.LicenceError,
        CheckError,
        TimeoutError,
    ) as error:
        print(f"installer: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> Path:
    """Return the package, built from this checkout.

    Raises:
        BuildError: the face models or the conference page's libraries are missing, or there is no time of the source.
        BundleError: PyInstaller failed or left out a part.
        LicenceError: something would ship that must not.
        PackageError: a tool of Debian's failed.
    """
    if not build_models.is_complete(MODELS_DIR):
        raise BuildError(f"no face models in {MODELS_DIR}: run python -m assets.build_models")
    if not build_page.is_complete(VENDOR_DIR):
        raise BuildError(f"the conference page's libraries are not in {VENDOR_DIR}: run python -m assets.build_page")
    epoch = source_date_epoch()
    packages = licences.runtime_distributions()
    licences.require_acceptable(packages.values())
    bundle.clean(WORK)
    tree = WORK / "tree"
    began = time.monotonic()
    frozen = bundle.freeze(ROOT, tree / debian.OPT.parent, WORK / "pyinstaller", epoch=epoch)
    licences.require_known(bundle.bundled_distributions(WORK / "pyinstaller"), {*packages, licences.FREEZER})
    print(f"bundle: {_size_mb(frozen):.0f} MB in {time.monotonic() - began:.0f} s", flush=True)
    shipped = [*packages.values(), distribution(licences.FREEZER)]
    documents = {
        "copyright": (ROOT / "LICENSE").read_text(encoding="utf-8"),
        "THIRD-PARTY.txt": licences.notices(shipped),
        "install.md": (ROOT / "docs" / "install.md").read_text(encoding="utf-8"),
        "power.md": (ROOT / "docs" / "power.md").read_text(encoding="utf-8"),
    }
    debian.lay_out(tree, documents=documents)
    began = time.monotonic()
    program = version(licences.PROJECT)
    package = debian.make(tree, DIST, version=program, elf_files=bundle.elf_files(frozen), epoch=epoch)
    print(f"dpkg-deb: {time.monotonic() - began:.0f} s", flush=True)
    return package


def source_date_epoch() -> int:
    """Return SOURCE_DATE_EPOCH, else the time of the last commit: equal sources make equal packages.

    Raises:
        BuildError: neither is there.
    """
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    if stated is None:
        command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        stated = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return int(stated)
    except ValueError:
        raise BuildError("this is no git checkout: set SOURCE_DATE_EPOCH") from None


def _built() -> Path:
    packages = sorted(DIST.glob(f"{debian.PACKAGE}_{version(licences.PROJECT)}_*.deb"))
    if not packages:
        raise BuildError(f"no package of this version in {DIST}: build it first")
    return packages[-1]


def _size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
