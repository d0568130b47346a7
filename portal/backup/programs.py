"""Find pg_dump and pg_restore, and start them on the portal's database."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

from django.db import connection

from portal.backup.errors import BackupFailed
from portal.backup.server import server_version
from portal.env import passed_on
from portal.postgres_wheel import wheel_folder

MAJOR = re.compile(r"\(PostgreSQL\) (\d+)")
VARIABLES = {
    "PGHOST": "HOST",
    "PGPORT": "PORT",
    "PGUSER": "USER",
    "PGPASSWORD": "PASSWORD",
    "PGDATABASE": "NAME",
}


def start(
    name: str, *options: str, database: str | None = None, **pipes: Any
) -> subprocess.Popen[bytes]:
    """Start a program on the database of the settings, or on another one of the same server.

    The password goes by the environment: arguments can be read by every account of the machine.
    """
    settings = connection.settings_dict
    variables = {variable: str(settings[key] or "") for variable, key in VARIABLES.items()}
    variables = {variable: value for variable, value in variables.items() if value}
    if database is not None:
        variables["PGDATABASE"] = database
    return subprocess.Popen([_program(name), *options], env=passed_on() | variables, **pipes)


def require_success(program: subprocess.Popen[bytes], errors: IO[bytes], failure: str) -> None:
    """Wait for a program to end; raise BackupFailed with its last words where it failed."""
    if program.wait():
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip()
        raise BackupFailed(f"{failure}: {said[-2000:]}")


def _program(name: str) -> Path:
    """Return the program on PATH, or else the wheel's, that is as new as the server or newer."""
    server = server_version() // 10_000
    on_path = shutil.which(name)
    wheel = wheel_folder()
    candidates = [Path(on_path)] if on_path else []
    candidates += [wheel / "bin" / name] if wheel else []
    for program in candidates:
        if _major(program) >= server:
            return program
    raise BackupFailed(
        f"There’s no {name} of PostgreSQL {server} or newer. Install the client programs of the "
        "server’s version (Debian: postgresql-client), and put them on PATH."
    )


def _major(program: Path) -> int:
    """Return a program's major version; 0 where it can't be run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = MAJOR.search(said.stdout)
    return int(match[1]) if match else 0
