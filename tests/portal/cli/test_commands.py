"""The command `weightgate` says how it is used, and starts each process by one definition."""

from __future__ import annotations

import subprocess
import sys

import pytest

from portal import process_commands
from portal.embedded.demo.parts import ROOT, Site
from tests.portal.setup.installing import bare

COMMANDS = ("", "setup", "web", "web pages", "web streams", "web all", "worker", "beat", "manage")


def weightgate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *arguments],
        cwd=ROOT,
        env=bare(WEIGHTGATE_ENV_FILE="", **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_before_there_are_settings(command):
    done = weightgate(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert "weightgate" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("web", "PART"),
        ("web pages --bind nowhere", "HOST:PORT or unix:/PATH"),
        ("web pages --workers 0", "1 or more"),
        ("worker --concurrency few", "1 or more"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_wrong_use_is_refused_with_the_remedy(arguments, named):
    done = weightgate(*arguments.split())
    assert done.returncode == 2
    assert named in done.stderr


def test_a_process_without_settings_says_what_is_missing():
    done = weightgate("worker")
    assert done.returncode == 1
    assert "WEIGHTGATE_SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_beside_a_proxy_alone_its_headers_are_believed():
    behind = process_commands.streams("unix:/run/weightgate/streams.sock")
    alone = process_commands.streams("[::1]:8000")
    assert "--proxy-headers" in behind
    assert "--no-proxy-headers" in alone
    assert alone[alone.index("--host") + 1 :][:3] == ("::1", "--port", "8000")
    assert "--forwarded-allow-ips" in process_commands.pages("unix:/run/weightgate/pages.sock")
    assert "--forwarded-allow-ips" not in process_commands.pages("127.0.0.1:8000")


def test_the_demo_starts_what_operators_start(tmp_path):
    site = Site(tmp_path, 8000, "single", tmp_path, {})
    commands = {part.name: tuple(part.command[1:]) for part in site.parts()}
    assert commands["worker"] == process_commands.worker()
    assert commands["beat"] == process_commands.beat(tmp_path / "beat-schedule")
    assert commands["web"] == process_commands.streams("127.0.0.1:8000", grace_seconds=3)
