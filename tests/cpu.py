"""Measure the CPU time of a piece of work, whatever else the process does."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time that the work takes in this thread, without collecting garbage.

    The process holds what hundreds of tests left, which takes half a second to go through, and
    has threads of servers.
    """
    gc.disable()
    try:
        began = time.thread_time()
        work()
        return time.thread_time() - began
    finally:
        gc.enable()
