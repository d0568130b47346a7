"""Start PostgreSQL and Valkey as one step, and wait until both are ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from portal.embedded import postgres, valkey
from portal.embedded.files import read_json, write_json
from portal.embedded.supervisor import ProcessSupervisor

READY_SECONDS = 60.0  # recovery after kill -9 replays the log first

Stage = Callable[[str], AbstractContextManager[None]]


def start_servers(
    supervisor: ProcessSupervisor,
    settings: Mapping[str, str] | None = None,
    stage: Stage = lambda name: nullcontext(),
) -> dict[str, str]:
    """Start both servers; return DATABASE_URL and REDIS_URL.

    `settings` are PostgreSQL's; `stage` gives a context manager to wrap each of the two starts.
    """
    addresses = _addresses(supervisor.var)
    addresses.unlink(missing_ok=True)
    with stage("PostgreSQL"):
        database_url = _start_postgres(supervisor, settings)
    with stage("Valkey"):
        redis_url = _start_valkey(supervisor)
    urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    write_json(addresses, urls)
    return urls


def running_servers(var: Path) -> dict[str, str] | None:
    """Return the URLs of the servers that run on this folder; None if none are noted."""
    urls = read_json(_addresses(var))
    return urls if isinstance(urls, dict) else None


def _addresses(var: Path) -> Path:
    return var / "run" / "servers.json"


def _start_postgres(supervisor: ProcessSupervisor, settings: Mapping[str, str] | None) -> str:
    server = postgres.prepare(supervisor.var, supervisor.sockets, settings)
    supervisor.start(server.part())
    supervisor.wait_until(server.ready, READY_SECONDS, "PostgreSQL")
    server.create_database()
    return server.url


def _start_valkey(supervisor: ProcessSupervisor) -> str:
    server = valkey.prepare(supervisor.var, supervisor.sockets)
    supervisor.start(server.part())
    supervisor.wait_until(server.ready, READY_SECONDS, "Valkey")
    return server.url
