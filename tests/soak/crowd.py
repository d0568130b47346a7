"""Fifty people at once, each in a thread, who go on whatever they are answered."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from tests.soak import acts
from tests.soak.acts import Ledger, Person, Step

APPLICANTS, READERS, DOWNLOADERS, PROMPTERS = 14, 14, 12, 8  # with an uploader and a decision: 50
HOLDERS, OTHERS = 8, APPLICANTS + READERS + 1
PAUSE_SECONDS = (1.0, 3.0)  # as people pause, who read what they were answered
AFTER_FAILURE_SECONDS = 1.0


class Crowd:
    """People in threads, and the ledger of all that they did."""

    def __init__(self, base_url: str, seed: dict[str, Any]) -> None:
        self.ledger = Ledger()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._live, args=(step,), daemon=True)
            for step in self._steps(base_url, seed)
        ]

    def _steps(self, base_url: str, seed: dict[str, Any]) -> Iterator[Step]:
        holders = cycle(Person(base_url, credentials) for credentials in seed["people"])
        others = (Person(base_url, credentials) for credentials in seed["applicants"])
        repo, file, ledger = seed["repo"], seed["file"], self.ledger
        for _ in range(READERS):
            yield acts.reader(next(others), repo, ledger)
        for _ in range(DOWNLOADERS):
            yield acts.downloader(next(holders), repo, file["path"], file["sha256"], ledger)
        for _ in range(PROMPTERS):
            yield acts.prompter(next(holders), repo, ledger)
        for _ in range(APPLICANTS):
            yield acts.applicant(next(others), seed, ledger)
        yield acts.uploader(Person(base_url, seed["publisher"]), ledger)
        reviewer = Person(base_url, seed["reviewer"])
        yield acts.decision(next(others), reviewer, seed, ledger)

    def _live(self, step: Step) -> None:
        while not self._stopping.wait(random.uniform(*PAUSE_SECONDS)):
            before = len(self.ledger.acts)
            step()
            if any(not act.succeeded for act in self.ledger.acts[before:]):
                time.sleep(AFTER_FAILURE_SECONDS)


@contextmanager
def crowd(base_url: str, seed: dict[str, Any]) -> Iterator[Crowd]:
    """Have people come for the block; wait for their last answers at its end."""
    people = Crowd(base_url, seed)
    for thread in people._threads:
        thread.start()
    try:
        yield people
    finally:
        people._stopping.set()
        for thread in people._threads:
            thread.join(acts.PATIENCE_SECONDS * 2)
