"""Leaves of the environment what the kiosk needs, before anything of ours or Qt's is loaded. An allow-list.

Chromium, Qt, Python, the loader, OpenSSL and NSS each take orders from dozens of variables, with new ones in each
version: debugging ports, switched-off sandboxes, other libraries, other authorities, other proxies. Imports little of
the standard library and nothing else. The kiosk's own children get what is left, and what the kiosk adds for them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

_NAMES = frozenset(
    {
        # Who and where we are.
        *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "TERM", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
        # The session: display, bus, sound, smart cards, the service manager.
        *("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_SEAT"),
        *("XDG_SESSION_CLASS", "XDG_SESSION_ID", "XDG_SESSION_TYPE", "XDG_VTNR", "PULSE_SERVER", "PULSE_COOKIE"),
        *("PCSCLITE_CSOCK_NAME", "JOURNAL_STREAM", "NOTIFY_SOCKET", "INVOCATION_ID", "WATCHDOG_PID", "WATCHDOG_USEC"),
        # Input methods, and how large things are.
        *("XMODIFIERS", "QT_IM_MODULE", "QT_IM_MODULES", "QT_SCALE_FACTOR", "QT_FONT_DPI"),
    }
)
# Variables of which only these values pass.
_VALUES: Mapping[str, frozenset[str]] = {
    "QT_QPA_PLATFORM": frozenset({"xcb", "offscreen", "wayland"}),
    "QTWEBENGINE_CHROMIUM_FLAGS": frozenset({"--disable-gpu"}),
}
# Read by the loader and the interpreter before our first line: forgetting them now is too late. PyInstaller's
# start-up code sets LD_LIBRARY_PATH for itself at every start, so in a bundle it cannot be a reason to start again.
_READ_EARLY = ("LD_", "PYTHON", "GLIBC_TUNABLES", "GCONV_PATH", "MALLOC_")
_OF_THE_BUNDLE = frozenset({"LD_LIBRARY_PATH", "LD_LIBRARY_PATH_ORIG"})


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what may stay of an environment."""
    return {name: value for name, value in environ.items() if _may_stay(name, value)}


def _may_stay(name: str, value: str) -> bool:
    if name in _VALUES:
        return value in _VALUES[name]
    return name in _NAMES or name.startswith("LC_")


def must_start_again(environ: Mapping[str, str], *, is_bundle: bool) -> bool:
    """Whether something that must not stay has had its effect on this process already."""
    ignored = _OF_THE_BUNDLE if is_bundle else frozenset()
    return any(name.startswith(_READ_EARLY) for name in environ if name not in ignored)


def clean(
    environ: Mapping[str, str],
    command: Sequence[str],
    *,
    is_bundle: bool,
    execute: Callable[[str, list[str], dict[str, str]], object] = os.execve,
) -> dict[str, str]:
    """Return the environment to go on with, or start the same program again with it and do not return.

    Args:
        environ: the environment as it came.
        command: our own command line, the program first.
        is_bundle: whether this is PyInstaller's executable.
        execute: for tests.
    """
    kept = allowed(environ)
    if must_start_again(environ, is_bundle=is_bundle):
        execute(command[0], list(command), kept)
    if is_bundle and "LD_LIBRARY_PATH" in environ:
        kept["LD_LIBRARY_PATH"] = str(getattr(sys, "_MEIPASS", ""))
    return kept


def enter() -> None:
    """Clean the environment of this process, which its children inherit. Call it before anything else is imported."""
    if os.name != "posix":
        return  # Windows has none of the loader's variables, and needs many of its own
    is_bundle = bool(getattr(sys, "frozen", False))
    arguments = sys.argv[1:] if is_bundle else sys.orig_argv[1:]
    kept = clean(os.environ, [sys.executable, *arguments], is_bundle=is_bundle)
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    os.environ.update(kept)
