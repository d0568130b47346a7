"""The stacks that clients are tried against, and the surroundings they run in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.buckets import make_s3_store, s3_servers
from tests.live import Live
from tests.portal.world import World, make_world

__all__ = ["s3_servers"]

TIMEOUT_SECONDS = 180


ON_BOTH_BACKENDS = pytest.mark.parametrize("backend", ["local", "s3"], indirect=True)


@pytest.fixture
def backend(request, s3_servers: Callable[[str], str], settings) -> None:
    """Choose where the hub's bytes are stored: in a folder, unless the test is marked."""
    settings.STORAGE = getattr(request, "param", "local")
    if settings.STORAGE == "s3":
        make_s3_store(s3_servers("rclone"), settings)


@pytest.fixture
def hub(live_server, backend, settings, tmp_path: Path) -> World:
    """Run the portal alone on a port, with a world that the test may shape as it likes.

    Its address is ``settings.BASE_URL``.
    """
    settings.BASE_URL = live_server.url
    return make_world(tmp_path / "in")


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("live", "live_split")
    ]
)
def stack(request) -> Live:
    """Run the demo, once from one process and once behind nginx as in production."""
    return request.getfixturevalue(request.param)


@dataclass(frozen=True)
class Shell:
    """A user's terminal with a home of its own; HF_ENDPOINT is read when a client is imported."""

    stack: Live
    home: Path

    def run(
        self, *command: str, role: str = "", token: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this role of the demo, with this token, or as nobody."""
        secret = self.stack.account(role)["token"] if role else token
        return subprocess.run(
            command,
            env=self._environment(secret),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def hf(
        self, *arguments: str, role: str = "", token: str = ""
    ) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("hf"))
        return self.run(program, *arguments, role=role, token=token)

    def _environment(self, secret: str) -> dict[str, str]:
        inherited = {
            name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ
        }
        return {
            **inherited,
            "HOME": str(self.home),
            "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": self.stack.base_url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
            **({"HF_TOKEN": secret} if secret else {}),
        }


@pytest.fixture
def shell(stack: Live, tmp_path: Path) -> Shell:
    return Shell(stack, tmp_path)
