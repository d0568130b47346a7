"""A demo's folder from an earlier version is recognised, and kept aside when one asks for it."""

import os
import subprocess
import sys

import psycopg
import pytest

from portal.embedded.demo.earlier import set_aside
from portal.embedded.demo.parts import ROOT
from portal.embedded.errors import AlreadyRunning
from portal.embedded.postgres import FAST
from portal.embedded.servers import start_servers
from portal.embedded.supervisor import ProcessSupervisor
from tests.upgrades.restoring import earlier_dump, restore


@pytest.fixture
def parent(var):
    (var / "demo").mkdir()
    (var / "demo").chmod(0o711)
    return var


def test_it_is_told_so_in_a_sentence(var):
    with ProcessSupervisor(var, say=lambda text: None) as supervisor:
        url = start_servers(supervisor, FAST)["DATABASE_URL"]
        restore(url, earlier_dump())
        with psycopg.connect(url) as database:
            database.execute("DELETE FROM django_migrations WHERE name LIKE '0016%'")
    command = [sys.executable, "-m", "portal.embedded", "demo", "--var", str(var)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PORT": "0"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ {var} was made by an earlier version")
    assert "`make demo ARGS=--fresh`" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def query(var, sql):
    with ProcessSupervisor(var, say=lambda text: None) as supervisor:
        url = start_servers(supervisor, FAST)["DATABASE_URL"]
        return psycopg.connect(url, autocommit=True).execute(sql)


def test_setting_it_aside_keeps_its_database(parent):
    query(parent / "demo", "CREATE TABLE remembered AS SELECT 7 AS n")
    aside = set_aside(parent / "demo")
    assert not (parent / "demo").exists()
    assert aside.parent == parent
    assert query(aside, "SELECT n FROM remembered").fetchone() == (7,)


def test_one_in_use_stays_where_it_is(var):
    with ProcessSupervisor(var, say=lambda text: None), pytest.raises(AlreadyRunning):
        set_aside(var)
    assert var.exists()


def test_where_nothing_is_nothing_is_set_aside(var):
    assert set_aside(var / "demo") is None
