"""What the clock asks for."""

from __future__ import annotations

import logging

from django.utils import timezone

from portal.jobs.services import sweep
from portal.queue import app

log = logging.getLogger(__name__)


@app.task(name="jobs.sweep")
def sweep_jobs() -> None:
    """Bring lost jobs back; end those past their time."""
    swept = sweep(now=timezone.now())
    if swept.requeued or swept.failed or swept.expired:
        log.warning("%s", swept)
