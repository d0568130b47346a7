"""An installation of one's own: an empty database, and the processes that `setup` names."""

from __future__ import annotations

import email
import email.policy
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import redis

from portal.embedded import processes
from tests.live import free_port
from tests.upgrades.restoring import ROOT, new_database
from tests.waiting import wait_until

START_SECONDS = 120.0
LETTER_SECONDS = 60.0
REDIS_DATABASE = 15  # those before are the tests' own, one for each worker


@dataclass
class Installation:
    """A lab's machine: a folder, two servers, and what was started there."""

    folder: Path
    database: str
    redis: str
    port: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a fresh terminal has: nothing of Weightgate's but where the file lies."""
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        programs = str(Path(sys.executable).parent)
        return {
            **inherited,
            "PATH": f"{programs}:{inherited['PATH']}",
            "HOME": str(self.folder),
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_COLOR": "1",
            "OMP_NUM_THREADS": "1",
            "WEIGHTGATE_ENV_FILE": str(self.folder / "weightgate.env"),
            **more,
        }

    def bash(self, script: str, **more: str) -> str:
        """Run a script as in the documentation, from the checkout; return what it printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT, env=self.environment(**more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, steps: list[dict[str, str]]) -> None:
        """Start what `setup` said, and wait until the site answers."""
        for number, step in enumerate(steps):
            with (self.folder / f"log-{number}.txt").open("wb") as log:
                command = subprocess.Popen(
                    shlex.split(f"env {step['command']}"),
                    cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, preexec_fn=processes.preparation(signal.SIGTERM),
                )  # fmt: skip
            self.started.append(command)
        wait_until(self.answers, START_SECONDS, "the site")

    def answers(self) -> bool:
        try:
            return httpx2.get(f"{self.base_url}/healthz", timeout=5).is_success
        except httpx2.TransportError:
            return False

    def stop(self) -> None:
        for process in self.started:
            process.terminate()
        for process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()

    def link_in_letter(self, address: str, path: str) -> str:
        """Wait for a letter to an address with a link to a page; return the link."""
        pattern = re.compile(re.escape(self.base_url + path) + r"[^\s]*")

        def link() -> str:
            for text in self.letters_to(address):
                if match := pattern.search(text):
                    return match[0].rstrip(".")
            return ""

        return str(wait_until(link, LETTER_SECONDS, f"a letter to {address} with {path}"))

    def letters_to(self, address: str) -> list[str]:
        """Return the texts of the letters to an address, with their subjects, the newest first."""
        files = sorted((self.folder / "var/mail").glob("*"), key=lambda path: -path.stat().st_mtime)
        letters = []
        for file in files:
            for part in file.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
                letter: Any = email.message_from_bytes(part, policy=email.policy.default)
                if address in str(letter["To"]) and (body := letter.get_body(("plain",))):
                    letters.append(f"{letter['Subject']}\n{body.get_content()}")
        return letters


@contextmanager
def empty_installation(folder: Path) -> Iterator[Installation]:
    """Make an empty database and an empty Redis for as long as the block runs."""
    base, _, _ = os.environ["REDIS_URL"].partition("?")
    is_socket = base.startswith("unix://")
    own = f"{base}?db={REDIS_DATABASE}" if is_socket else base.rpartition("/")[0] + "/15"
    with redis.Redis.from_url(own) as server:
        server.flushdb()
    with new_database(f"weightgate_journey_{os.getpid()}") as database:
        lab = Installation(folder, database, own, free_port())
        try:
            yield lab
        finally:
            lab.stop()


def places(lab: Installation) -> dict[str, str]:
    """Return what stands in the documentation for a reader's own, and this lab's in its place."""
    return {
        "http://127.0.0.1:8000": lab.base_url,
        "postgresql://weightgate@localhost/weightgate": f"'{lab.database}'",
        "redis://localhost:6379/0": f"'{lab.redis}'",
        "/srv/weightgate": str(lab.folder / "var"),
        "./opt-tiny": str(lab.folder / "weights"),
    }
