"""A crowd for half an hour: no error, and memory that stays."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from tests.hosts.site import TwoHosts, two_hosts
from tests.soak.acts import Ledger, Person, Refused, applicant, require
from tests.soak.memory import MIB, sampling

LOAD_MINUTES = float(os.environ.get("LOAD_MINUTES", "0"))
DOWNLOADS = int(os.environ.get("LOAD_DOWNLOADS", "200"))
APPLICATIONS = int(os.environ.get("LOAD_APPLICATIONS", "1000"))
AT_ONCE = 50
HOLDERS = 20
GROWTH_MIB = 0.5  # a minute: 15 in half an hour
CHUNK_BYTES = 4096

pytestmark = [
    pytest.mark.skipif(not LOAD_MINUTES, reason="make soak sets LOAD_MINUTES"),
    pytest.mark.timeout(7200),
]


@pytest.fixture
def site() -> Iterator[TwoHosts]:
    with two_hosts() as hosts:
        yield hosts


def test_a_crowd_meets_no_error_and_memory_stays(site, capsys):
    seed = site.seed(people=HOLDERS, applicants=APPLICATIONS)
    site.start()
    ledger = Ledger()
    with sampling(site.daemons) as memory, downloads(site, seed, ledger):
        seconds = rush(site, seed, ledger)
        time.sleep(max(0.0, LOAD_MINUTES * 60 - seconds))
    with capsys.disabled():
        print(f"\n{APPLICATIONS} applications took {seconds:.0f} s beside {DOWNLOADS} downloads")
        print(answers(ledger), memory.report(), sep="\n")
    assert [act for act in ledger.acts if not act.succeeded] == []
    if LOAD_MINUTES >= 10:  # processes warm up in the first minutes
        grown = {name: memory.growth(name) / MIB for name in memory.of}
        assert {name: growth for name, growth in grown.items() if growth > GROWTH_MIB} == {}


def answers(ledger: Ledger) -> str:
    counted = Counter((act.kind, act.status, act.fault) for act in ledger.acts)
    return "\n".join(f"{number}× {' '.join(map(str, key))}" for key, number in counted.items())


def rush(site: TwoHosts, seed: dict[str, Any], ledger: Ledger) -> float:
    """Have everybody apply, as many at once as there are threads; return the seconds it took."""
    waiting: SimpleQueue[dict[str, str]] = SimpleQueue()
    for credentials in seed["applicants"]:
        waiting.put(credentials)
    began = time.monotonic()

    def apply() -> None:
        while True:
            try:
                person = Person(site.base_url, waiting.get_nowait())
            except Empty:
                return
            applicant(person, seed, ledger, stays=True)()
            person.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(apply) for _ in range(AT_ONCE)]:
            done.result()
    return time.monotonic() - began


@contextmanager
def downloads(site: TwoHosts, seed: dict[str, Any], ledger: Ledger) -> Iterator[None]:
    """Have people download for the block, over links that are cut again and again."""
    over = threading.Event()
    people = [Person(site.base_url, credentials) for credentials in seed["people"]]

    def download(number: int) -> None:
        while not over.wait(random.uniform(0.5, 3)):
            person = people[number % len(people)]
            with ledger.noting("download with cuts"):
                fetch_with_cuts(person, seed)

    threads = [threading.Thread(target=download, args=(n,), daemon=True) for n in range(DOWNLOADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(120)


def fetch_with_cuts(person: Person, seed: dict[str, Any]) -> None:
    """Fetch a file in three connections or more, the first two cut in the midst of its bytes."""
    have, size, cuts = b"", 1, 2
    while len(have) < size:
        headers = {**person.bearer, "Range": f"bytes={len(have)}-"}
        place = f"/{seed['repo']}/resolve/main/{seed['file']['path']}"
        with person.client.stream("GET", place, headers=headers, follow_redirects=True) as part:
            require(part)
            size = int(part.headers["Content-Range"].rpartition("/")[2])
            stop = size if not cuts else len(have) + random.randint(1, size // 3)
            for chunk in part.iter_bytes(CHUNK_BYTES):
                have += chunk
                if len(have) >= stop:
                    break
        cuts = max(0, cuts - 1)
    if hashlib.sha256(have).hexdigest() != seed["file"]["sha256"]:
        raise Refused(200, "other bytes")
