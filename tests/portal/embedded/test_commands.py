"""`python -m portal.embedded` as a person meets it."""

import os
import signal
import socket
import subprocess
import sys

import psycopg
import pytest

from portal.embedded import nginx
from portal.embedded.demo.parts import ROOT
from portal.embedded.errors import EmbeddedError
from tests.waiting import wait_until

EMBEDDED = [sys.executable, "-m", "portal.embedded"]


def embedded(*arguments, **environment):
    return subprocess.run(
        [*EMBEDDED, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_exec_gives_the_command_both_servers_and_passes_its_status(var):
    code = (
        "import os, psycopg, redis, sys;"
        "psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 1');"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
        "print(len(os.environ['WEIGHTGATE_SECRET_KEY']) >= 50); sys.exit(7)"
    )
    done = embedded("exec", "--var", var, "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (7, "True\n"), done.stderr


def test_exec_joins_servers_that_run_already(var):
    waiting = ["exec", "--var", var, "--", "sleep", "60"]
    first = subprocess.Popen([*EMBEDDED, *map(str, waiting)], cwd=ROOT)
    try:
        wait_until((var / "run" / "servers.json").exists, 20, "the first start")
        done = embedded("exec", "--var", var, "--", "printenv", "DATABASE_URL")
        psycopg.connect(done.stdout.strip()).close()
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 128 + signal.SIGTERM


def test_a_busy_port_is_named_and_how_to_choose_another(var):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = embedded("demo", "--var", var, PORT=str(port))
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert "make demo PORT=" in done.stderr


def test_split_without_nginx_says_what_to_install(monkeypatch):
    monkeypatch.setattr(nginx.shutil, "which", lambda name, path=None: None)
    with pytest.raises(EmbeddedError, match="nginx-light"):
        nginx.program()


def test_the_secret_key_is_made_once_and_kept_private(var):
    printed = [
        embedded(
            "exec",
            "--var",
            var,
            "--",
            "printenv",
            "WEIGHTGATE_SECRET_KEY",
            WEIGHTGATE_SECRET_KEY="",
        ).stdout
        for _ in range(2)
    ]
    assert printed[0] == printed[1] != "\n"
    assert (var / "secret-key").stat().st_mode & 0o777 == 0o600
