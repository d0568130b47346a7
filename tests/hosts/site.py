"""Bring two hosts up as docs/install.md says, by the commands of the units."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from portal import env_file
from portal.embedded import nginx
from portal.embedded.demo.parts import ROOT
from tests.buckets import BUCKET, KEY_ID, SECRET
from tests.deploy.units import SERVICES, ServiceUnit, read_unit
from tests.hosts.accounts import Interpreter, uid_of
from tests.hosts.backends import OWNER, WEB, WORKER, Backends, make_backends
from tests.hosts.daemons import Daemon
from tests.live import free_port
from tests.portal.setup.installing import PASSWORD
from tests.waiting import wait_until

START_SECONDS = 200.0
Disk = Callable[[Path], AbstractContextManager[None]]


@dataclass
class Host:
    """A host: its folder, its account and the file with its settings."""

    name: str
    folder: Path
    python: Interpreter

    @property
    def uid(self) -> int | None:
        return uid_of(self.name)

    @property
    def settings(self) -> Path:
        return self.folder / "weightgate.env"

    @property
    def var(self) -> Path:
        return self.folder / "var"

    def environment(self) -> dict[str, str]:
        return {
            "WEIGHTGATE_ENV_FILE": str(self.settings),
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            **self.python.env,
        }

    def own(self) -> None:
        """Give all that lies in the folder to the host's account, and keep others out of it."""
        if self.uid is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.uid, self.uid)
        self.folder.chmod(0o750)

    def run(self, *words: str, **more: str) -> str:
        """Run a command of Python's in the host's account; return what it printed."""
        done = subprocess.run(
            [str(self.python.program), "-W", "ignore", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.environment(), **more},
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@dataclass
class TwoHosts:
    """A web host and a worker host, the servers that they share, and nginx before them."""

    folder: Path
    backends: Backends
    port: int
    python: Interpreter
    extra: dict[str, str] = field(default_factory=dict)
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def web(self) -> Host:
        return Host("web", self.folder / "web", self.python)

    @property
    def worker(self) -> Host:
        return Host("worker", self.folder / "worker", self.python)

    def set_up(self) -> None:
        """Make tables and keys as the database's owner; then give each host its own role."""
        self.backends.make_database()
        for host in (self.web, self.worker):
            host.folder.mkdir(exist_ok=True)
        env_file.complete(self.web.settings, self._settings(self.web, OWNER))
        self.web.own()
        answers = {"operator": "ada", "email": "ada@lab.example", "name": "Ada O’Hara"}
        words = [word for name, value in answers.items() for word in (f"--{name}", value)]
        self.web.run(
            *("-m", "portal.cli", "setup", "--no-input", "--namespace", "example-lab"),
            *("--title", "Example Lab", "--mail-from", "gate@lab.example", *words),
            WEIGHTGATE_SETUP_PASSWORD=PASSWORD,
        )
        self._hand_on()

    def _hand_on(self) -> None:
        """Copy settings and signing keys to the worker's host, each host with its own role."""
        made = self.web.settings.read_text()
        owners, webs = str(self.web.var), self.backends.database_url(OWNER)
        for host, role in ((self.web, WEB), (self.worker, WORKER)):
            text = made.replace(owners, str(host.var))
            host.settings.write_text(text.replace(webs, self.backends.database_url(role)))
        for keys in ("manifest", "signing"):
            shutil.copytree(self.web.var / keys, self.worker.var / keys)
        self.web.own()
        self.worker.own()

    def _settings(self, host: Host, role: str) -> dict[str, str]:
        return {
            "DATABASE_URL": self.backends.database_url(role),
            "REDIS_URL": self.backends.redis_url,
            "WEIGHTGATE_BASE_URL": self.base_url,
            "WEIGHTGATE_VAR": str(host.var),
            "WEIGHTGATE_STORAGE": "s3",
            "WEIGHTGATE_S3_BUCKET": BUCKET,
            "WEIGHTGATE_S3_ENDPOINT_URL": self.backends.s3_url,
            "WEIGHTGATE_S3_ACCESS_KEY_ID": KEY_ID,
            "WEIGHTGATE_S3_SECRET_ACCESS_KEY": SECRET,
            "WEIGHTGATE_X_ACCEL_PREFIX": nginx.PROTECTED,
            **self.extra,
        }

    def seed(self, people: int = 1, applicants: int = 0) -> dict[str, Any]:
        """Make a hosted model, people who hold it and people who will ask for it."""
        out = self.web.folder / "seed.json"
        self.web.run("-m", "tests.hosts.seed", str(out), str(people), str(applicants))
        seed: dict[str, Any] = json.loads(out.read_text())
        return seed

    def start(self) -> None:
        for unit in map(read_unit, SERVICES):
            self.daemons[unit.name] = self._daemon(unit)
        self.daemons["nginx"] = self._nginx()
        for daemon in self.daemons.values():
            daemon.start()
        wait_until(self.is_ready, START_SECONDS, "the site")

    def _daemon(self, unit: ServiceUnit) -> Daemon:
        host = self.worker if unit.name == "worker" else self.web
        words = [word.replace("/run/weightgate", str(host.folder)) for word in unit.arguments]
        command = [str(host.python.program), "-m", "portal.cli", *words]
        log = self.logs / f"{unit.name}.log"
        return Daemon(unit.name, command, log, host.environment(), uid=host.uid)

    def _nginx(self) -> Daemon:
        inner = self.folder / "bytes.sock"
        config = nginx.write_config(
            var=self.folder,
            port=self.port,
            pages=self.web.folder / "pages.sock",
            streams=self.web.folder / "streams.sock",
            inner=inner,
            blobs=self.folder / "nothing",
            max_downloads=64,
        )
        log = self.logs / "nginx.log"
        return Daemon("nginx", nginx.command(config, log, inner), log)

    def is_ready(self) -> bool:
        for daemon in self.daemons.values():
            assert daemon.alive, f"{daemon.name} ended:\n{daemon.log.read_text()[-3000:]}"
        return self.answers("/readyz") == 200 and self.answers("/v1/models") == 401

    def answers(self, path: str) -> int:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"{self.base_url}{path}", timeout=30).status_code
        return 0

    def stop(self) -> None:
        for daemon in reversed(self.daemons.values()):
            daemon.stop()
        for daemon in (self.backends.s3, self.backends.valkey, self.backends.postgres):
            daemon.stop()


@contextmanager
def two_hosts(disk: Disk = nullcontext, **extra: str) -> Iterator[TwoHosts]:
    """Set two hosts up for the block, with these settings besides; start them by ``start``.

    ``disk`` mounts one for the data of the web's host.
    """
    folder = Path(tempfile.mkdtemp(prefix="wg-hosts-"))
    folder.chmod(0o711)  # the other accounts have to pass
    (folder / "logs").mkdir()
    backends = make_backends(folder, folder / "logs")
    site = TwoHosts(folder, backends, free_port(), Interpreter(folder), extra)
    try:
        with disk(site.web.var):
            yield from _running(site)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _running(site: TwoHosts) -> Iterator[TwoHosts]:
    try:
        site.backends.start()
        site.set_up()
        yield site
    finally:
        site.stop()
