"""The dump of an earlier version, restored beside the test database."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from portal.embedded.postgres import installed

ROOT = Path(__file__).parents[2]
DUMP = Path(__file__).parent / "demo.sql.gz"
YEAR = Path(__file__).parent / "year.dump"
PROGRAMS = installed() / "bin"


def url_of(database: str) -> str:
    """Return DATABASE_URL with another database of the same server."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()


@contextmanager
def new_database(name: str) -> Iterator[str]:
    """Make an empty database for as long as the block runs; yield its URL."""
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield url_of(name)
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def restore(url: str, dump: bytes) -> None:
    command = [PROGRAMS / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", url]
    subprocess.run(command, input=dump, check=True, stdout=subprocess.DEVNULL)


def restore_year(url: str) -> None:
    """Restore the generated year, as an operator restores a database: by pg_restore."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error"]
    command = [PROGRAMS / "pg_restore", *options, "--dbname", url, YEAR]
    subprocess.run(command, check=True)


def earlier_dump() -> bytes:
    return gzip.decompress(DUMP.read_bytes())


def schema(url: str) -> bytes:
    command = [PROGRAMS / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", url]
    return subprocess.run(command, check=True, capture_output=True).stdout


def manage(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
