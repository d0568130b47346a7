"""Cancel the job of a client that leaves before its answer is complete, whenever that is.

A client may leave while its request is read, while its job is committed, between the commit and the
answer's first byte, or in the midst of the answer. Where it leaves decides who hears of it: the
handler, the view or the stream. All of them say so here, and the thread that makes the job says
that it has, in either order.
"""

from __future__ import annotations

import logging
import threading

from django.http import HttpRequest
from django.utils import timezone

from portal.errors import DomainError
from portal.jobs.models import Job
from portal.jobs.services import cancel_job

log = logging.getLogger(__name__)
ATTRIBUTE = "_attendance"


class Attendance:
    """A client's waiting for the answer to one request, and the job that was made for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._is_over = False

    def begin(self, job: Job) -> None:
        """Note the job, or cancel it where its client has left by now."""
        with self._lock:
            self._job, has_left = job, self._is_over
        if has_left:
            _cancel(job)

    def complete(self) -> None:
        """Note that the answer is complete, so that the job is left as it is."""
        with self._lock:
            self._is_over, self._job = True, None

    def leave(self) -> None:
        """Note that the client has left, and cancel its job, so that the engine is free."""
        with self._lock:
            self._is_over, job, self._job = True, self._job, None
        if job is not None:
            _cancel(job)


def attendance_at(request: HttpRequest) -> Attendance:
    """Return the attendance at a request, which begins with the first call."""
    attendance: Attendance = request.__dict__.setdefault(ATTRIBUTE, Attendance())
    return attendance


def _cancel(job: Job) -> None:
    try:
        cancel_job(person=job.person, job_id=job.pk, now=timezone.now())
    except DomainError as error:
        log.info("Job %s was left as it is: %s", job.pk, error.message)
