"""Measure how long the demo takes to be ready: first start, later ones, one after kill -9.

    make bench
    scripts/bench_start.py --rounds 5

It prints beside that what Python, Django's set-up and the import of torch cost alone in the same
run, which no start can go below.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from throwaway import ROOT

from tests.live import Live, free_port

MOST_SECONDS = 15.0
FLOOR = "import torch, django; django.setup()"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    folder = Path(tempfile.mkdtemp(prefix="wg-bench-"))
    folder.chmod(0o711)  # as root, PostgreSQL's account has to pass
    live = Live(folder, free_port(), "single")
    seconds_by_start: dict[str, list[float]] = {}

    def take(name: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        seconds_by_start.setdefault(name, []).append(time.perf_counter() - began)

    try:
        take("first start, tiny preset", live.start)
        for _ in range(options.rounds):
            live.stop()
            take("torch and Django alone", floor)
            take("later start", live.start)
            live.crash()
            take("start after kill -9", live.start)
    finally:
        live.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return report(seconds_by_start)


def floor() -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "WEIGHTGATE_SECRET_KEY": "only-for-a-bench-" + "0123456789" * 5,
        "DATABASE_URL": "postgresql://nobody@/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    subprocess.run([sys.executable, "-c", FLOOR], cwd=ROOT, env=environment, check=True)


def report(seconds_by_start: dict[str, list[float]]) -> int:
    for name, seconds in seconds_by_start.items():
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{name:<28} {middle:6.1f} s   ({low:.1f} to {high:.1f}, n={len(seconds)})")
    slowest = max(
        statistics.median(seconds_by_start[name]) for name in ("later start", "start after kill -9")
    )
    ratio = slowest / statistics.median(seconds_by_start["torch and Django alone"])
    print(f"slower of the two ÷ torch and Django alone: {ratio:.1f}")
    print(f"bar {MOST_SECONDS:.0f} s: {'kept' if slowest < MOST_SECONDS else 'MISSED'}")
    return 0 if slowest < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
