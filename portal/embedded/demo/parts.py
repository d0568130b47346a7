"""The processes of the demo: their commands, and the environment that all of them get."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal import env, process_commands
from portal.embedded import nginx
from portal.embedded.files import private_folder, secret_key
from portal.embedded.supervisor import Part

ROOT = Path(__file__).resolve().parents[3]
HOST = process_commands.HOST
GRACE_SECONDS = 3


@dataclass(frozen=True)
class Site:
    """A demo's folder and port, how it is served, and the environment of its processes."""

    var: Path
    port: int
    web: str  # single | split
    sockets: Path
    servers: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            **common_environment(self.var),
            **self.servers,
            **(self._with_nginx() if self.web == "split" else {}),
            "WEIGHTGATE_BASE_URL": self.base_url,
            "WEIGHTGATE_DEMO": "1",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads slow whoever shares the cores
            **self.extra,
        }

    def _with_nginx(self) -> dict[str, str]:
        transfers = self.var / "logs" / nginx.TRANSFERS
        return {
            "WEIGHTGATE_X_ACCEL_PREFIX": nginx.PROTECTED,
            "WEIGHTGATE_TRANSFER_LOG": str(transfers),
        }

    def part(self, name: str, *command: str, tier: int = 2, omp_threads: int = 1) -> Part:
        env = {**self.environment(), "OMP_NUM_THREADS": str(omp_threads)}
        return Part(name, (sys.executable, *command), env, cwd=ROOT, tier=tier)

    def manage(self, name: str, *arguments: str) -> Part:
        return self.part(name, "manage.py", *arguments)

    def parts(self) -> list[Part]:
        return [
            *self.web_parts(),
            self.part("worker", *process_commands.worker(), omp_threads=2),
            self.part("beat", *process_commands.beat(self.var / "beat-schedule")),
        ]

    def web_parts(self) -> list[Part]:
        return self._single() if self.web == "single" else self._split()

    def _single(self) -> list[Part]:
        address = f"{HOST}:{self.port}"
        return [self.part("web", *process_commands.streams(address, grace_seconds=GRACE_SECONDS))]

    def _split(self) -> list[Part]:
        pages, streams = self.sockets / "pages.sock", self.sockets / "streams.sock"
        inner = self.sockets / "bytes.sock"
        config = nginx.write_config(
            var=self.var,
            port=self.port,
            pages=pages,
            streams=streams,
            inner=inner,
            blobs=Path(self.environment()["WEIGHTGATE_BLOB_DIR"]),
            max_downloads=env.max_downloads(),
        )
        front = nginx.command(config, self.var / "logs" / "nginx.log", inner)
        return [
            self.part(
                "web",
                *process_commands.pages(
                    f"{process_commands.SOCKET}{pages}",
                    grace_seconds=GRACE_SECONDS,
                    temporary=self.sockets,
                ),
            ),
            self.part(
                "streams",
                *process_commands.streams(
                    f"{process_commands.SOCKET}{streams}", grace_seconds=GRACE_SECONDS
                ),
            ),
            Part("nginx", front, tier=3),
        ]


def common_environment(var: Path) -> dict[str, str]:
    """Return what any command on this folder needs besides the two servers' addresses."""
    return {
        "WEIGHTGATE_ENV_FILE": "",  # an installation in the same folder is another
        "WEIGHTGATE_VAR": str(var),
        "WEIGHTGATE_SECRET_KEY": os.environ.get("WEIGHTGATE_SECRET_KEY") or secret_key(var),
        "WEIGHTGATE_BLOB_DIR": str(private_folder(var / "blobs")),
        "WEIGHTGATE_STATIC_ROOT": str(private_folder(var / "static")),
        "PYTHONUNBUFFERED": "1",
    }
