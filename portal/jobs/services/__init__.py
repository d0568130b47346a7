"""The use cases of jobs, by who calls them: people, workers, the clock."""

from portal.jobs.hosting import live_workers, unserved_repos
from portal.jobs.services.claiming import Lane, claim_next_job
from portal.jobs.services.ending import MAX_ATTEMPTS, Swept, cancel_job, sweep
from portal.jobs.services.running import (
    JobResult,
    LeaseStatus,
    cancelled_among,
    fail_job,
    finish_job,
    release_job,
    renew_lease,
)
from portal.jobs.services.submission import create_job, find_job, submit

__all__ = [
    "MAX_ATTEMPTS",
    "JobResult",
    "Lane",
    "LeaseStatus",
    "Swept",
    "cancel_job",
    "cancelled_among",
    "claim_next_job",
    "create_job",
    "fail_job",
    "find_job",
    "finish_job",
    "live_workers",
    "release_job",
    "renew_lease",
    "submit",
    "sweep",
    "unserved_repos",
]
