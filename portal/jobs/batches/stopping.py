"""Stop what is left of a batch, and say why in each line that never ran."""

from __future__ import annotations

from datetime import datetime

from portal.jobs.batches.models import Batch, BatchLine
from portal.jobs.models import Job
from portal.jobs.services.running import close

CANCELLED, EXPIRED, ACCESS_ENDED = "batch_cancelled", "batch_expired", "access_ended"
MESSAGES = {
    CANCELLED: "The batch was cancelled before this request was answered.",
    EXPIRED: "The batch’s 24 hours ended before this request was answered.",
    ACCESS_ENDED: "Your access to the model, or the token, ended before this request was answered.",
}


def never_answered(code: str) -> dict[str, object]:
    """Return the end of a request that has no response."""
    return {"response": None, "error": {"code": code, "message": MESSAGES[code]}}


def stop_lines(batch: Batch, code: str, now: datetime) -> None:
    """Stop the lines of a locked batch: at once while they wait, by the worker while they run."""
    waiting = batch.lines.filter(state=BatchLine.State.WAITING)
    waiting.update(state=BatchLine.State.STOPPED, body="", outcome=never_answered(code))
    jobs = Job.objects.filter(batch_line__batch=batch, batch_line__state=BatchLine.State.RUNNING)
    queued = jobs.filter(state=Job.State.QUEUED)
    for job in queued.select_for_update(no_key=True, of=("self",)):
        close(job, Job.State.CANCELLED, MESSAGES[code], now)
    Job.objects.filter(pk__in=jobs.filter(state=Job.State.RUNNING).order_by().values("pk")).update(
        cancel_requested=True
    )
