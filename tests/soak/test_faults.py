"""Servers fail one at a time and in pairs, under fifty people: nothing is lost, all comes back."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.hosts.site import TwoHosts, two_hosts
from tests.soak.crowd import HOLDERS, OTHERS, Crowd, crowd
from tests.soak.faults import Fault, all_faults, small_disk
from tests.soak.mailserver import MailServer
from tests.soak.table import KINDS, Spell, table
from tests.waiting import wait_until

FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "0"))
ONLY = os.environ.get("FAULTS", "")  # words of the faults to try, such as "Redis"
RECOVERY_SECONDS = 90.0
RESTART_SECONDS = 2.0  # RestartSec= of the units

pytestmark = [
    pytest.mark.skipif(not FAULT_SECONDS, reason="make soak sets FAULT_SECONDS"),
    pytest.mark.timeout(7200),
]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(mail: MailServer) -> Iterator[TwoHosts]:
    smtp = {"WEIGHTGATE_MAIL": "smtp", "WEIGHTGATE_SMTP_HOST": "127.0.0.1"}
    settings = {
        **smtp,
        "WEIGHTGATE_SMTP_PORT": str(mail.port),
        "WEIGHTGATE_UPLOAD_RESERVE_BYTES": "0",
    }
    with ExitStack() as stack:
        site = stack.enter_context(two_hosts(**settings, disk=small_disk))
        yield site


def test_every_fault_passes_by_itself_and_nothing_is_lost(site, mail, capsys):
    site.start()
    faults = [fault for fault in all_faults(site, mail) if ONLY in fault.name]
    seed = site.seed(people=HOLDERS, applicants=OTHERS)
    with crowd(site.base_url, seed) as people, restarts(site):
        warm_up = suffer(Fault("none", lambda: None, lambda: None), people)
        spells = [warm_up]
        for fault in faults:
            spells.append(suffer(fault, people))
            with capsys.disabled():  # row by row: it takes long, and may be interrupted
                print(f"\n{table(spells)}", flush=True)
    assert [act for spell in spells for act in spell.bad_answers] == []
    assert [spell.name for spell in spells if None in map(spell.recovery, KINDS)] == []
    account = settled(site, people)
    assert account["lost"] == []
    assert account["failed_letters"] == 0
    assert set(account["sent_letters"]) - mail.letters() == set()
    site.web.run("manage.py", "verify_audit")


def suffer(fault: Fault, people: Crowd) -> Spell:
    """Have a fault for a while, then wait until every kind of act has succeeded again."""
    first, began = len(people.ledger.acts), time.monotonic()
    fault.begin()
    time.sleep(FAULT_SECONDS)
    fault.end()
    ended = time.monotonic()
    deadline = ended + RECOVERY_SECONDS
    while not all_succeed(people, ended) and time.monotonic() < deadline:
        time.sleep(0.2)
    return Spell(fault.name, began, ended, people.ledger.acts[first:])


def all_succeed(people: Crowd, since: float) -> bool:
    acts = list(people.ledger.acts)
    kinds = {act.kind for act in acts if act.succeeded and act.began >= since}
    return kinds >= set(KINDS)


@contextmanager
def restarts(site: TwoHosts) -> Iterator[None]:
    """Start for the block what ended by itself, as systemd does by the units' Restart=."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(RESTART_SECONDS):
            for name, daemon in site.daemons.items():
                if name != "worker":  # which a fault kills, and starts at its end
                    daemon.look_after()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def settled(site: TwoHosts, people: Crowd) -> dict[str, Any]:
    """Wait until no job runs and no letter is due; return the account of what was acknowledged."""
    file = site.web.folder / "acknowledged.json"
    file.write_text(json.dumps(people.ledger.acknowledged))

    def account() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(site.web.run("-m", "tests.soak.account", str(file)))
        return None if found["open_jobs"] or found["queued_letters"] else found

    found = wait_until(account, RECOVERY_SECONDS * 2, "an end of jobs and letters")
    assert found is not None
    return found
