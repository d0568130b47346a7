"""Check that workers and beat are alive, and that each hosted model has a worker."""

from __future__ import annotations

from datetime import timedelta

from celery.exceptions import CeleryError
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis import RedisError

from portal.database.refusals import reason_of
from portal.doctor.findings import DoctorFinding, Findings, fault, ok, skipped, warning
from portal.jobs.services import unserved_repos
from portal.jobs.serving.failing import LoadFailure
from portal.jobs.ticks import last_tick
from portal.queue import app

PING_SECONDS = 2.0
LATEST_TICKS = 6


def alive() -> Findings:
    """Ask the workers for a sign of life, and look when beat last gave one."""
    try:
        answers = app.control.ping(timeout=PING_SECONDS) or []
        names = sorted(name for answer in answers for name in answer)
        ticked_at = last_tick()
    except (OperationalError, CeleryError, RedisError, OSError) as error:
        return [skipped(f"Not checked, since Redis can’t be reached: {reason_of(error)}")]
    if not names:
        return [fault("No worker answers.", "Start `weightgate worker`, and read its log.")]
    findings = [ok(f"Workers: {', '.join(names)}.")]
    due = timedelta(seconds=settings.JOB_SWEEP_SECONDS * LATEST_TICKS)
    if ticked_at is None or timezone.now() - ticked_at > due:
        findings.append(
            fault(
                "Beat has started no task of late: mail, deadlines and lost jobs wait.",
                "Start `weightgate beat`, once in the whole installation.",
            )
        )
    return [*findings, *_hosted()]


def _hosted() -> Findings:
    try:
        missing = unserved_repos(timezone.now())
    except DatabaseError:
        return [skipped("Hosted models weren’t checked, since the database can’t be read.")]
    findings = [_unloadable(lack.repo.full_name, lack.failure) for lack in missing if lack.failure]
    missing = [lack for lack in missing if not lack.failure]
    awaited = [lack.repo.full_name for lack in missing if lack.awaited]
    others = [lack.repo.full_name for lack in missing if not lack.awaited]
    if awaited:
        findings.append(
            warning(
                f"The worker of {', '.join(awaited)} went away a short while ago. Prompts wait.",
                "It comes back by itself if it is restarted. If it doesn’t, read its log.",
            )
        )
    if others:
        findings.append(
            fault(
                f"No worker has loaded {', '.join(others)}.",
                "A model takes a while to load. If it stays so, read the worker’s log, and see "
                "WEIGHTGATE_HOSTED_MODEL, and WEIGHTGATE_ENGINE: a worker serves only models of "
                "its own engine.",
            )
        )
    return findings


def _unloadable(name: str, failure: LoadFailure) -> DoctorFinding:
    since = f"{failure.since:%Y-%m-%d %H:%M} UTC"
    return fault(
        f"The worker has failed to load {name} since {since}: {failure.detail}",
        "Mend what this says; the worker’s log has more. It tries again by itself, and refuses "
        "prompts meanwhile. Prompts that wait end after WEIGHTGATE_WORKER_ABSENCE_SECONDS.",
    )
