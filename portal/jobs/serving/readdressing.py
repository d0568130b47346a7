"""Lead queued jobs to the revision that is served, where no worker holds theirs any more.

Workers load the newest revision, and a job is made for one revision. So where a new one is
published while no worker is there, the one that comes back would never claim what waits.

Only the clock's sweep does this, not the workers as they claim. A worker that holds the earlier
revision goes on with its jobs until they have ended, and must not lose them to a worker that is
sooner with the next; the sweep waits until nobody has held theirs for a while.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.lookup import head_revision
from portal.errors import DomainError
from portal.jobs.captures.shapes import shape_of
from portal.jobs.hosting import hosted_model, is_promptable, read_text_alike
from portal.jobs.models import Job
from portal.jobs.services.one_by_one import act_on_each
from portal.jobs.services.running import close, may_still
from portal.jobs.serving.presence import is_held

log = logging.getLogger(__name__)
NOT_HOSTED = "The model is not hosted here any more."
BEGUN = "Another revision of the model is served now, and can’t go on with a text of this one."
OTHERWISE = "Another revision of the model is served now, which reads text in another way."
RESHAPED = "Another revision of the model is served now, whose inside has other sizes."
NOT_OPEN = "Another revision of the model is served now, which you may not prompt."
AGAIN = "Send the request again."


def readdress_jobs(now: datetime) -> list[bool]:
    """Lead each stranded job to the revision that is served, or end it in words.

    Return for each whether it goes on.
    """
    queued = Job.objects.filter(state=Job.State.QUEUED).order_by()
    outcomes = []
    for repo_id, revision_id in queued.values_list("repo_id", "revision_id").distinct():
        repo = ModelRepo.objects.with_names().get(pk=repo_id)
        served = _served_instead(repo, revision_id, now)
        if served is None and repo.hosted:
            continue
        stranded = Job.objects.filter(
            state=Job.State.QUEUED, repo_id=repo_id, revision_id=revision_id
        )
        outcomes += act_on_each(stranded, partial(_readdress, served=served, now=now))
    return outcomes


def _served_instead(repo: ModelRepo, revision_id: int, now: datetime) -> Revision | None:
    """Return the revision that is served while nobody holds this one; None where jobs may wait."""
    head = head_revision(repo) if repo.hosted else None
    if head is None or head.pk == revision_id or is_held(revision_id, now):
        return None
    return head if is_held(head.pk, now) and is_promptable(head) else None


def _readdress(job: Job, *, served: Revision | None, now: datetime) -> bool:
    refusal = _refusal(job, served, now)
    if served is None or refusal:
        close(job, Job.State.FAILED, refusal, now)
        return False
    before, job.revision = job.revision, served
    job.save(update_fields=["revision"])
    if job.batch_id is None:  # a batch has its own events, and its lines none
        record(
            EventType.JOB_READDRESSED,
            actor=None,
            target=job,
            at=now,
            before=before.commit,
            revision=served.commit,
        )
    log.info("Job %s waits for %s now, in place of %s", job.pk, served, before)
    return True


def _refusal(job: Job, served: Revision | None, now: datetime) -> str:
    """Say why the served revision can't answer the job; nothing where it can."""
    if served is None:
        return NOT_HOSTED
    if job.attempt and job.stream:  # its reader may have had words of the other one's
        return f"{BEGUN} {AGAIN}"
    if not may_still(job, served, now):
        return NOT_OPEN
    if not read_text_alike(job.revision, served):
        return f"{OTHERWISE} {AGAIN}"
    if job.white_box is not None and shape_of(job.revision) != shape_of(served):
        return f"{RESHAPED} {AGAIN}"
    return _misfit(job, served)


def _misfit(job: Job, served: Revision) -> str:
    """Hold a job's tokens to the limits of a revision, as it was held when it was made."""
    model, params = hosted_model(served), job.params
    try:
        model.token_ids(job.prompts, params["max_tokens"])
        model.require_known(params["stop_token_ids"], "stop_token_ids")
        model.require_known(map(int, params["logit_bias"]), "logit_bias")
    except DomainError as error:
        return f"Another revision of the model is served now. {error.message}"
    return ""
