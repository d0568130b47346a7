"""Measure the peak of anonymous memory that work takes."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_STATUS = Path("/proc/self/status")
T = TypeVar("T")


def anonymous_bytes() -> int:
    return int(re.search(r"RssAnon:\s+(\d+) kB", _STATUS.read_text())[1]) * 1024


def peak_of(work: Callable[[], T]) -> tuple[T, int]:
    """Run work; return its result, and its peak of bytes over those before."""
    before = peak = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.0005):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    done.set()
    watcher.join()
    return result, max(peak, anonymous_bytes()) - before
