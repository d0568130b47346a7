"""The private PostgreSQL keeps its rows through a kill -9, wherever its folder is."""

import os
import shutil
import signal
import subprocess

import psycopg
import pytest

from portal.embedded import postgres
from portal.embedded.servers import start_servers
from portal.embedded.supervisor import ProcessSupervisor
from tests.waiting import wait_until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs it as themselves")


def numbers(url):
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def fill(url, count=100):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, %s)", [count])


def test_rows_survive_kill_9_of_the_server(supervisor):
    url = start_servers(supervisor)["DATABASE_URL"]  # as the demo has it: durable
    fill(url)
    dead = supervisor.pids()["postgres"]
    os.kill(dead, signal.SIGKILL)

    def back():
        supervisor.tick()
        try:
            return supervisor.pids()["postgres"] != dead and numbers(url)
        except psycopg.OperationalError:
            return False

    assert len(wait_until(back, 20, "a restarted PostgreSQL")) == 100


def test_rows_survive_a_stop_and_a_start(var):
    with ProcessSupervisor(var) as first:
        fill(start_servers(first, postgres.FAST)["DATABASE_URL"])
    with ProcessSupervisor(var) as second:
        assert len(numbers(start_servers(second, postgres.FAST)["DATABASE_URL"])) == 100


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(var):
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        with ProcessSupervisor(var) as first:
            start_servers(first, postgres.FAST)
        path = var / "postgres" / "cluster" / "postmaster.pid"
        path.write_text(f"{stranger.pid}\n{path.parent}\n")
        with ProcessSupervisor(var) as second:
            start_servers(second, postgres.FAST)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@needs_root
def test_below_a_folder_that_only_root_may_pass(var):
    inner = var / "closed" / "var"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    try:
        with ProcessSupervisor(inner) as first:
            url = start_servers(first, postgres.FAST)["DATABASE_URL"]
            fill(url)
            data = postgres.prepare(inner, first.sockets).data
            assert not data.is_relative_to(var)
        with ProcessSupervisor(inner) as second:
            assert len(numbers(start_servers(second, postgres.FAST)["DATABASE_URL"])) == 100
        (inner / "postgres-mark").unlink()
        with ProcessSupervisor(inner) as new:
            url = start_servers(new, postgres.FAST)["DATABASE_URL"]
            with pytest.raises(psycopg.errors.UndefinedTable):
                numbers(url)
    finally:
        shutil.rmtree(data.parent, ignore_errors=True)
        data.parent.with_suffix(".mark").unlink(missing_ok=True)


@needs_root
def test_binaries_are_copied_where_the_server_can_reach_them(var, monkeypatch):
    account = postgres.server_account()
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "FALLBACK", var / "fallback")
        patch.setattr(postgres.Account, "can_pass", lambda self, folder: False)
        copied = postgres._binaries(account)
        assert postgres._binaries(account) == copied
    for name in ("postgres", "initdb"):  # the second is linked with a library of the package's own
        version = subprocess.run(
            [copied / name, "--version"], user=account.uid, cwd="/", capture_output=True
        )
        assert b"PostgreSQL" in version.stdout, version.stderr
    assert [path.name for path in (var / "fallback").iterdir()] == [copied.parents[2].name]


def test_only_its_own_account_reaches_the_sockets(supervisor):
    start_servers(supervisor, postgres.FAST)
    assert supervisor.sockets.stat().st_mode & 0o777 == 0o700
