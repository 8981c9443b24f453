"""The look at the package's renderers sees what is not in a sandbox."""

from __future__ import annotations

import os
import ssl

import pytest

from assets.packaging.certificates import make_site
from assets.packaging.sandbox import renderer_problems, switch_problems


def test_a_process_that_is_not_in_a_sandbox_is_told_apart() -> None:
    told = "; ".join(renderer_problems(os.getpid()))
    for kind in ("user", "pid", "net"):
        assert f"no {kind} namespace of its own" in told


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        ("QtWebEngineProcess --type=zygote --no-zygote-sandbox --lang=zh-CN", 0),
        ("QtWebEngineProcess --type=renderer --lang=zh-CN", 0),
        ("QtWebEngineProcess --type=renderer --no-sandbox", 1),
        ("QtWebEngineProcess --no-zygote", 1),
        ("QtWebEngineProcess --disable-seccomp-filter-sandbox --remote-debugging-port=9222", 2),
        ("evaluation-workstation --single-process", 1),
    ],
)
def test_switches_that_open_the_browser_are_told(words: str, problems: int) -> None:
    assert len(list(switch_problems([words]))) == problems


def test_the_sites_certificate_holds_for_who_trusts_its_authority(tmp_path) -> None:
    authority, file = make_site(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    context = ssl.create_default_context(cadata=authority)
    assert len(context.get_ca_certs()) == 1
