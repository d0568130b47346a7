"""A web process, a worker and a Redis of a test's own, on the database of the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx2
import redis
from django.conf import settings
from django.db import connection

from portal import process_commands
from portal.embedded import valkey
from tests.hosts.daemons import Daemon
from tests.live import free_port
from tests.waiting import wait_until

READY_SECONDS = 120.0
GRACE_SECONDS = 1
PORTLESS = "127.0.0.1"


def environment_of(folder: Path, base_url: str, redis_url: str) -> dict[str, str]:
    """Return what a process needs to work on the database of the tests."""
    database = connection.settings_dict
    name = f"postgresql://{quote(database['USER'])}@/{database['NAME']}"
    place = f"host={quote(database['HOST'], safe='')}&port={database['PORT'] or 5432}"
    return {
        "DATABASE_URL": f"{name}?{place}",
        "REDIS_URL": redis_url,
        "WEIGHTGATE_BASE_URL": base_url,
        "WEIGHTGATE_BLOB_DIR": str(settings.BLOB_DIR),
        "WEIGHTGATE_VAR": str(folder / "var"),
        "WEIGHTGATE_DB_POOL": "8",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class Servers:
    """Three processes that a test may kill and start anew, as an init system does."""

    def __init__(self, folder: Path, **extra: str) -> None:
        self.base_url = f"http://{PORTLESS}:{(port := free_port())}"
        redis_port = free_port()
        self.redis_url = f"redis://{PORTLESS}:{redis_port}/0"
        server = valkey.prepare(folder, folder)
        options = ("--port", str(redis_port), "--bind", PORTLESS, "--save", "")
        self.redis = Daemon("redis", [str(server.binary), *options], folder / "redis.txt")
        environment = {
            **os.environ,
            **environment_of(folder, self.base_url, self.redis_url),
            **extra,
        }
        web = process_commands.streams(f"{PORTLESS}:{port}", grace_seconds=GRACE_SECONDS)
        self.web = self._python("web", web, folder, environment)
        worker = process_commands.worker(concurrency=2)
        self.worker = self._python("worker", worker, folder, environment)

    def _python(
        self, name: str, words: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> Daemon:
        return Daemon(name, [sys.executable, *words], folder / f"{name}.txt", environment)

    def restart(self, daemon: Daemon) -> None:
        """Kill a process with its children by kill -9, and start it anew, empty if it is Redis."""
        daemon.kill()
        daemon.start()

    def answers(self) -> bool:
        """Tell whether the web process answers, and a worker holds the model."""
        with suppress(httpx2.TransportError):
            parts = httpx2.get(f"{self.base_url}/readyz", timeout=30).json()["parts"]
            return bool(parts["workers"] == "ok")
        return False

    def redis_answers(self) -> bool:
        with suppress(redis.RedisError), redis.Redis.from_url(self.redis_url) as client:
            return bool(client.ping())
        return False


@contextmanager
def running(folder: Path, **extra: str) -> Iterator[Servers]:
    """Run the servers for the block, ready at its beginning."""
    servers = Servers(folder, **extra)
    daemons = (servers.redis, servers.web, servers.worker)
    try:
        for daemon in daemons:
            daemon.start()
        wait_until(servers.answers, READY_SECONDS, "a worker that holds the model")
        yield servers
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
