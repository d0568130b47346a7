"""The commands of an installation's processes: operators, the demo and the tests start these.

Each is what comes after the interpreter. A process that listens on a unix socket believes the
headers of whoever reaches it there, which is the proxy before it; on a port it believes nobody.
"""

from __future__ import annotations

import sys
from pathlib import Path

PORT = 8000
HOST = "127.0.0.1"
SOCKET = "unix:"
GRACE_SECONDS = 30
WORKERS = 2
THREADS = 8
CONCURRENCY = 16


def pages(
    bind: str,
    *,
    workers: int = WORKERS,
    threads: int = THREADS,
    grace_seconds: int = GRACE_SECONDS,
    temporary: Path | None = None,
) -> tuple[str, ...]:
    """Serve pages, the Hub's protocol and /api/v1 by WSGI workers.

    ``temporary`` is where each worker touches a file to show that it lives; gunicorn's own choice
    where it is None.
    """
    return (
        *("-m", "gunicorn", "portal.wsgi:serving()", "--bind", bind),
        *("--workers", str(workers), "--worker-class", "gthread", "--threads", str(threads)),
        *("--graceful-timeout", str(grace_seconds), "--timeout", "120", "--no-control-socket"),
        *(("--forwarded-allow-ips", "*") if bind.startswith(SOCKET) else ()),
        *(("--worker-tmp-dir", str(temporary)) if temporary else ()),
    )


def streams(bind: str, *, grace_seconds: int = GRACE_SECONDS) -> tuple[str, ...]:
    """Serve /v1, streams and uploads by one ASGI process; it can serve the pages too."""
    trusted = ("--proxy-headers", "--forwarded-allow-ips", "*")
    return (
        *("-m", "uvicorn", "--factory", "portal.asgi:serving", *_address(bind)),
        *(trusted if bind.startswith(SOCKET) else ("--no-proxy-headers",)),
        *("--timeout-graceful-shutdown", str(grace_seconds), "--timeout-keep-alive", "65"),
        *("--log-level", "info", "--no-access-log", "--lifespan", "off"),
    )


def worker(*, concurrency: int = CONCURRENCY) -> tuple[str, ...]:
    """Deliver mail, apply deadlines, and run the engine behind hosted inference."""
    pool = ("--pool", "threads", "--concurrency", str(concurrency))
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")
    return ("-m", "celery", "-A", "workers.app", "worker", *pool, *quiet)


def beat(schedule: Path) -> tuple[str, ...]:
    """Start tasks by the clock. There is to be one for the whole installation."""
    where = ("--schedule", str(schedule), "--pidfile=")
    return ("-m", "celery", "-A", "workers.app", "beat", *where, "--loglevel", "INFO")


def program() -> tuple[str, ...]:
    """Return how `weightgate` is called here; a checkout has no program of that name."""
    script = _script()
    return (str(script),) if script.exists() else (sys.executable, "-m", "portal.cli")


def setup_command() -> str:
    """Return the command that sets this installation up, in words that tell strangers no path."""
    return "weightgate setup" if _script().exists() else ".venv/bin/python manage.py setup"


def _script() -> Path:
    return Path(sys.executable).with_name("weightgate")


def _address(bind: str) -> tuple[str, ...]:
    if bind.startswith(SOCKET):
        return ("--uds", bind.removeprefix(SOCKET))
    host, _, port = bind.rpartition(":")
    return ("--host", host.strip("[]"), "--port", port)
