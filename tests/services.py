"""A pytest plugin (`-p tests.services`): PostgreSQL and Valkey for the whole run.

They start when pytest loads this module, before Django's settings are read. Workers of xdist
inherit the addresses; each gets a test database from pytest-django, and here a Redis database and
a var folder of its own. Someone's own DATABASE_URL and REDIS_URL are used where both are set.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId

from portal.embedded.postgres import FAST
from portal.embedded.servers import start_servers
from portal.embedded.supervisor import ProcessSupervisor

WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # "gw0", "gw1", … in a worker of xdist


def _start() -> None:
    # A short path in the open: as root, PostgreSQL's account has to pass through it.
    folder = Path(tempfile.mkdtemp(prefix="wg-tests-"))
    folder.chmod(0o711)
    supervisor = ProcessSupervisor(folder)
    supervisor.__enter__()

    def stop() -> None:
        supervisor.__exit__(None, None, None)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    os.environ.update(start_servers(supervisor, FAST))
    os.environ["WEIGHTGATE_VAR"] = str(folder / "var")


def _defaults() -> None:
    os.environ["WEIGHTGATE_ENV_FILE"] = ""  # a developer's own file is not for tests
    os.environ.setdefault("WEIGHTGATE_SECRET_KEY", "only-for-tests-" + "0123456789" * 5)
    if "WEIGHTGATE_VAR" not in os.environ:
        os.environ["WEIGHTGATE_VAR"] = tempfile.mkdtemp(prefix="wg-tests-")
    os.environ["WEIGHTGATE_DB_POOL"] = "0"  # tests end their transactions by closing connections


def _keep_apart(worker: str) -> None:
    """Give each worker a Redis database and a var folder of its own."""
    number = int(worker.removeprefix("gw")) + 1
    base, _, _ = os.environ["REDIS_URL"].partition("?")
    if base.startswith("unix://"):
        os.environ["REDIS_URL"] = f"{base}?db={number}"
    else:
        os.environ["REDIS_URL"] = f"{base.rpartition('/')[0]}/{number}"
    var = Path(os.environ["WEIGHTGATE_VAR"]) / worker
    var.mkdir(parents=True, exist_ok=True)
    os.environ["WEIGHTGATE_VAR"] = str(var)


if WORKER is None:
    if not ("DATABASE_URL" in os.environ and "REDIS_URL" in os.environ):
        _start()
    _defaults()
else:
    _keep_apart(WORKER)

# The fixtures for tests from outside; imported last, as they need nothing of the above.
from tests.live import live, live_split  # noqa: E402, F401


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was imported: it stays, and looking through it is slow.

    Collections are rarer, too, as a test makes many objects that die by their reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make `xdist_group` work: pytest 9.2 keeps node ids where pytest-xdist 3.8 does not write.

    xdist's scheduler reads a test's group from what follows the `@` of its id.
    """
    if WORKER is None or not config.getvalue("loadgroup"):
        return
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark and "@" not in item.nodeid:
            item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")
