"""Measure the steps of a download, and the roll-up, while the records grow.

    scripts/bench_downloads.py --rows 100000 --rounds 20

Each step is asked of the portal within this process, on a throwaway PostgreSQL: metadata (HEAD),
a fresh link (GET), a range of 64 kB through it, and what the team's page shows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from throwaway import servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="downloads of one person, today")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with servers(), tempfile.TemporaryDirectory() as folder:
        import django

        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        setup_test_environment(debug=False)
        call_command("migrate", verbosity=0)
        _measure(Path(folder), options.rows, options.rounds)


def _measure(folder: Path, rows: int, rounds: int) -> None:
    from tests.portal.world import make_world

    world = make_world(folder / "in")
    for label, more in (("empty", 0), (f"{rows:,} rows", rows)):
        _fill(world, more)
        for name, step in _steps(world).items():
            print(f"{label:>14}  {name:<24} {_median_ms(step, rounds):8.1f} ms")


def _fill(world: Any, number: int) -> None:
    from django.utils import timezone

    from portal.delivery.models import Download

    file, now = world.file(), timezone.now()
    row = {"person": world.researcher, "file": file, "revision": file.revision}
    Download.objects.bulk_create(
        (
            Download(**row, length_bytes=1, bytes_sent=1, status_code=206, started_at=now)
            for _ in range(number)
        ),
        batch_size=5_000,
    )


def _steps(world: Any) -> dict[str, Callable[[], object]]:
    from django.test import Client

    from portal.delivery.accounting.usage import Grouping, usage_of

    client, url, bearer = Client(), world.url(), world.bearer
    link = urlsplit(client.get(url, headers=bearer)["Location"]).path
    ranged = {"Range": "bytes=0-65535"}
    steps: dict[str, Callable[[], object]] = {
        "metadata (HEAD)": lambda: client.head(url, headers=bearer),
        "a fresh link (GET)": lambda: client.get(url, headers=bearer),
        "a range through a link": lambda: b"".join(
            client.get(link, headers=ranged).streaming_content
        ),
    }
    for by in Grouping:
        steps[f"roll-up by {by}"] = lambda by=by: usage_of(world.repo, by)
    return steps


def _median_ms(step: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


if __name__ == "__main__":
    main()
