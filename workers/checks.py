"""Define the task that checks received revisions whose weights are large."""

from __future__ import annotations

from threading import Lock

from django.utils import timezone

from portal.catalog.quarantine.checking import TASK, run_next
from portal.queue import app

_one_at_a_time = Lock()  # a check may read for an hour; mail and deadlines have the other threads


@app.task(name=TASK)
def check() -> None:
    """Do the checks that wait, unless this process is at one already."""
    if not _one_at_a_time.acquire(blocking=False):
        return
    try:
        while run_next(timezone.now):
            pass
    finally:
        _one_at_a_time.release()
