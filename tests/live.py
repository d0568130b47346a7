"""The whole demo as real processes, for tests that meet it from outside.

`live` serves all from one process; `live_split` stands behind nginx as production does. A test
that uses one is marked `@pytest.mark.xdist_group("live")` or `("live_split")`, so that one worker
starts it once.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from portal.embedded import nginx, processes
from portal.embedded.demo.parts import ROOT
from portal.embedded.errors import EmbeddedError
from portal.embedded.files import read_json
from tests.waiting import wait_until

START_SECONDS = 240.0
STOP_SECONDS = 40.0
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_SETTINGS_MODULE")


@dataclass
class Live:
    var: Path
    port: int
    web: str
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def demo(self) -> dict[str, Any]:
        """demo.json as it stands; empty while there is none."""
        return read_json(self.var / "demo.json") or {}

    @property
    def base_url(self) -> str:
        return str(self.demo["base_url"])

    def pid(self, part: str) -> int | None:
        return self.demo.get("pids", {}).get(part)

    def account(self, role: str) -> dict[str, str]:
        demo = self.demo
        return {**demo["others"], **demo["accounts"]}[role]

    def undo_within(self, minutes: int) -> None:
        """Set how long the team of the gated model may undo; its applicants wait as long."""
        answer = httpx2.patch(
            f"{self.base_url}/api/v1/models/{self.demo['repos']['gated']}/gate/",
            json={"undo_minutes": minutes},
            headers={"Authorization": f"Bearer {self.account('reviewer')['token']}"},
        )
        answer.raise_for_status()

    def output(self) -> str:
        return (self.var / "output.txt").read_text(errors="replace")

    def kill(self, part: str, seconds: float = 60.0) -> int:
        """kill -9 one part; its new pid, once demo.json has it."""
        dead = self.pid(part)
        assert dead is not None
        os.kill(dead, signal.SIGKILL)
        new = wait_until(
            lambda: self.pid(part) not in (None, dead) and self.pid(part), seconds, f"a new {part}"
        )
        return int(new)

    @contextmanager
    def stopped(self, part: str) -> Iterator[None]:
        """Hold a part's process still, so that what waits for it goes on waiting."""
        pid = self.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def crash(self) -> None:
        """kill -9 the supervisor itself, which can then tidy nothing."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        with (self.var / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=processes.preparation(signal.SIGTERM),
            )
        wait_until(lambda: "PostgreSQL" in self._output_while_running(), START_SECONDS, "a start")
        wait_until(lambda: self._output_while_running() and self.demo, START_SECONDS, "demo.json")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()

    def command(self) -> list[str]:
        options = ["--preset", "tiny", "--web", self.web, "--port", str(self.port)]
        demo = [sys.executable, "-m", "portal.embedded", "demo", *options]
        return [*demo, "--var", str(self.var)]

    def _output_while_running(self) -> str:
        assert self.process.poll() is None, f"the demo ended:\n{self.output()}"
        return self.output()


def _environment() -> dict[str, str]:
    """Without what the test run set for itself."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_INHERITED and not name.startswith(("WEIGHTGATE_", "PYTEST_"))
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(web: str) -> Iterator[Live]:
    """Run a demo of its own for the block; ``web`` is single or split."""
    folder = Path(tempfile.mkdtemp(prefix="wg-live-"))
    folder.chmod(0o711)  # as root, PostgreSQL's account has to pass
    live = Live(folder, free_port(), web)
    try:
        live.start()
        yield live
    finally:
        live.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    with running("single") as it:
        yield it


@pytest.fixture(scope="session")
def live_split() -> Iterator[Live]:
    try:
        nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    with running("split") as it:
        yield it
