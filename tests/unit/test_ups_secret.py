"""Secrets of UPS connections: one line, read when it is needed, never in an error's text."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.ups.secret import SecretError, secret_in


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "ups.password"
    secret = secret_in(file)
    with pytest.raises(SecretError, match=r"^ups.password: ENOENT$"):
        secret()
    file.write_text("first one\n")
    assert secret() == "first one"
    file.write_text("second")
    assert secret() == "second"


@pytest.mark.parametrize("content", [b"", b"\n", b"marker\nUSERNAME root\n", b"mar\x00ker", b"\xff", b"m" * 5000])
def test_what_is_not_one_line_of_text_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ups.password"
    file.write_bytes(content)
    with pytest.raises(SecretError, match=r"^ups.password: ") as raised:
        secret_in(file)()
    assert "mark" not in str(raised.value)
