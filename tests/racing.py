"""Real races: many connections begin one act at the same moment, and their outcomes are counted."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections

from portal.errors import DomainError

RACERS = int(os.environ.get("RACERS", "12"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WON = "won"


def race(acts: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Run all at once, each on a connection of its own.

    Counts ``won``, the code of each refusal, and anything else by its class, which no test allows.
    """
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> str:
        connection.ensure_connection()
        barrier.wait()
        try:
            act()
        except DomainError as error:
            return f"{int(error.status)} {error.code}"
        except Exception as error:  # noqa: BLE001  # a race never ends in a 500: name what did
            return f"{type(error).__name__}: {error}"
        else:
            return WON
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(run, acts))


def racers(*kinds: Callable[[], Any]) -> list[Callable[[], Any]]:
    """Return as many racers as are configured, taking the kinds in turn."""
    return [kinds[number % len(kinds)] for number in range(RACERS)]
