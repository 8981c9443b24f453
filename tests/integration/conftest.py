"""The databases that the site server runs on: SQLite, and a real PostgreSQL of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from workstation.site.server.database import sqlite_url


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A private PostgreSQL that listens on a Unix socket only."""
    found = shutil.which("initdb") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None
    )
    assert found, "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    programs = Path(found).parent
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"

    def run(program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [programs / program, "-D", data, *arguments],
            cwd=folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=90,
            **user,
        )

    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c deadlock_timeout=100ms"
    run("initdb", "-U", "site", "-A", "trust", "-E", "UTF8", "-N", "--no-locale")
    run("pg_ctl", "-w", "-t", "60", "-l", folder / "log", "-o", options, "start")
    yield folder
    run("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    folder = request.getfixturevalue("cluster")
    name = f"site_{uuid4().hex}"
    with psycopg.connect(host=str(folder), user="site", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://site@/{name}?host={folder}"
