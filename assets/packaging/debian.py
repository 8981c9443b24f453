"""Lays out the package's tree and lets dpkg-deb make the .deb of it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

PACKAGE = "evaluation-workstation"
HERE = Path(__file__).parent
OPT = Path("opt") / PACKAGE
DEPENDS = (
    "adduser",
    # A logind session with a sound server of its own.
    "dbus-user-session",
    "libpam-systemd",
    # Names with characters beyond the BMP (GB 18030-2022): Noto has few of them.
    "fonts-babelstone-han",
    "fonts-noto-cjk | fonts-wqy-zenhei | fonts-wqy-microhei",
    # Loaded at run time, so that no file names them: PC/SC, sound, ID card readers that are no PC/SC readers, and the
    # windows of external conference clients.
    "libpcsclite1",
    "libpulse0",
    "libusb-1.0-0",
    "libxcb1",
    "libccid",
    # PortAudio reaches the sound server through ALSA's "pulse" device (drivers/headset/sound.py).
    "libasound2-plugins",
    "libportaudio2",
    # certutil: the authorities of a main site (workstation/evaluation/authorities.py).
    "libnss3-tools",
    "openbox",
    "pcscd",
    "polkitd | policykit-1",
    "pulseaudio | pipewire-pulse",
    "udev",
    "xinit",
    "xserver-xorg-core",
    "xserver-xorg-input-libinput | xserver-xorg-input-all",
)
RECOMMENDS = ("chrony", "nut-server", "xserver-xorg-video-all | libgl1-mesa-dri")
SCRIPTS = ("postinst", "prerm", "postrm")


class PackageError(Exception):
    """The package could not be made."""


def lay_out(tree: Path, *, documents: dict[str, str]) -> None:
    """Put the system files of the package into ``tree``, beside the bundle that is already there.

    Args:
        tree: the package's root folder.
        documents: texts for /usr/share/doc, by file name.
    """
    shutil.copytree(HERE / "tree", tree, dirs_exist_ok=True)
    folder = tree / "usr/share/doc" / PACKAGE
    folder.mkdir(parents=True)
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def make(tree: Path, target: Path, *, version: str, elf_files: Sequence[Path], epoch: int) -> Path:
    """Return the package made of ``tree``.

    Args:
        tree: the laid out root folder; DEBIAN is added to it.
        target: where the package goes.
        version: of the program.
        elf_files: what needs the system's libraries.
        epoch: SOURCE_DATE_EPOCH, seconds since 1970.

    Raises:
        PackageError: a tool failed; with its words.
    """
    architecture = run(["dpkg", "--print-architecture"]).strip()
    files = _payload(tree)
    # First of all: by this folder dpkg-shlibdeps tells the package's own libraries from the system's.
    meta = tree / "DEBIAN"
    meta.mkdir(mode=0o755)
    fields = control(
        version=version,
        architecture=architecture,
        installed_kib=sum(path.lstat().st_size for path in files) // 1024,
        depends=merge_depends(_library_depends(elf_files, tree / OPT), DEPENDS),
    )
    sums = [f"{_md5(path)}  {path.relative_to(tree)}" for path in files if not path.is_symlink()]
    _write_meta(meta, control=fields.splitlines(), md5sums=sums, conffiles=conffiles(tree))
    target.mkdir(parents=True, exist_ok=True)
    package = target / f"{PACKAGE}_{version}_{architecture}.deb"
    # zstd would be faster to make, but the dpkg of UOS 20 and Kylin V10 cannot read it.
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(tree), str(package)]
    run(command, environment={"SOURCE_DATE_EPOCH": str(epoch)})
    return package


def control(*, version: str, architecture: str, installed_kib: int, depends: Iterable[str]) -> str:
    """Return the control file (deb-control(5))."""
    fields = {
        "Package": PACKAGE,
        "Version": version,
        "Section": "misc",
        "Priority": "optional",
        "Architecture": architecture,
        "Maintainer": "Evaluation Workstation developers <packages@evaluation-workstation.invalid>",
        "Installed-Size": str(installed_kib),
        "Depends": ", ".join(depends),
        "Recommends": ", ".join(RECOMMENDS),
        "Description": "kiosk client for remote off-site bid evaluation booths\n"
        " Reads the expert's resident ID card, compares the face, checks the booth's devices,\n"
        " and opens the main site's evaluation system and nothing else (远程异地评标工位).",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def merge_depends(computed: Iterable[str], stated: Iterable[str]) -> list[str]:
    """Return both lists as one, sorted, each package once; the computed entry with its version wins."""
    entries = {_package_name(entry): entry for entry in (*stated, *computed)}
    return [entries[name] for name in sorted(entries)]


def conffiles(tree: Path) -> list[str]:
    """Return the absolute names of the package's files in /etc: dpkg keeps what an administrator changed in them."""
    return sorted(f"/{path.relative_to(tree)}" for path in (tree / "etc").rglob("*") if path.is_file())


def run(command: Sequence[str], *, folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Return what a command printed.

    Raises:
        PackageError: it is not installed or failed; with its words.
    """
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C.UTF-8"} | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise PackageError(f"{command[0]} is missing; it is in the package dpkg-dev") from error
    if result.returncode:
        raise PackageError(f"{command[0]} failed:\n{result.stderr.strip()[-3000:]}")
    return result.stdout


def _package_name(entry: str) -> str:
    return re.split(r"[\s(|:]", entry.strip(), maxsplit=1)[0]


def _library_depends(elf_files: Sequence[Path], bundle: Path) -> list[str]:
    """Ask dpkg-shlibdeps which packages supply the libraries that the bundle does not hold itself."""
    private = sorted({path.parent for path in elf_files} | {bundle / "_internal"})
    with tempfile.TemporaryDirectory(prefix="shlibdeps-") as name:
        source = Path(name)
        (source / "debian").mkdir()
        (source / "debian" / "control").write_text(
            f"Source: {PACKAGE}\n\nPackage: {PACKAGE}\nArchitecture: any\n", encoding="utf-8"
        )
        command = ["dpkg-shlibdeps", "-O", "--warnings=0"]
        command += [f"-l{folder}" for folder in private]
        output = run([*command, *map(str, elf_files)], folder=source)
    _, _, entries = output.strip().partition("shlibs:Depends=")
    if not entries:
        raise PackageError("dpkg-shlibdeps found no library of the system")
    return entries.split(", ")


def _write_meta(meta: Path, **lines: Iterable[str]) -> None:
    """Write dpkg's files, each given as lines, and the maintainer scripts."""
    for name, content in lines.items():
        (meta / name).write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
    for name in SCRIPTS:
        shutil.copyfile(HERE / "scripts" / name, meta / name)
        (meta / name).chmod(0o755)


def _payload(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*") if path.is_symlink() or path.is_file())


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
