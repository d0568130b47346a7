"""Revoke a canary's access on the running site, and time how fast everything stops."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import Gate, ModelRepo
from portal.catalog.services.lookup import find_repo, head_revision
from portal.errors import DomainError
from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.site.operations import canary

WORDS = {
    "range": "the next range was refused",
    "link": "a new link was refused",
    "job": "the running job had ended",
}


class Command(BaseCommand):
    help = (
        "On a running site: give a canary access, start a download and a job, revoke, and measure "
        "the seconds until each has stopped. Exits with 1 when one took longer than the limit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")
        parser.add_argument("--repo", help="namespace/name; the first hosted gated one otherwise")
        parser.add_argument("--max-seconds", type=float, default=10.0, metavar="SECONDS")
        parser.add_argument("--no-job", action="store_true", help="measure the download alone")

    def handle(self, *args: Any, **options: Any) -> None:
        limit = options["max_seconds"]
        repo = _repo(options["repo"])
        try:
            figures = _measure(repo, limit=limit, with_job=not options["no_job"])
        except (canary.CanaryFailed, DomainError, OSError) as error:
            raise CommandError(f"Nothing was measured: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps({"repo": repo.full_name, "seconds": figures}))
        else:
            for name, seconds in figures.items():
                took = "not at all" if seconds is None else f"after {seconds:.2f} s"
                self.stdout.write(f"{WORDS[name]}: {took}")
        slow = [name for name, took in figures.items() if took is None or took > limit]
        if slow:
            raise CommandError(
                f"Over {limit:g} seconds: {', '.join(WORDS[name] for name in slow)}."
            )


def _repo(name: str | None) -> ModelRepo:
    if name is None:
        gated = ModelRepo.objects.with_names().filter(
            hosted=True, inference_gate=Gate.REVIEW, download_gate=Gate.REVIEW
        )
        first: ModelRepo | None = gated.first()
        if first is None:
            raise CommandError("No hosted model has the review gate. Name one with --repo.")
        return first
    operator = User.objects.operators().first()
    try:
        return find_repo(name, caller=Caller(operator))
    except DomainError as error:
        raise CommandError(error.message) from error


def _measure(repo: ModelRepo, *, limit: float, with_job: bool) -> dict[str, float | None]:
    bird = canary.hatch(repo, timezone.now())
    try:
        downloading = canary.start_download(bird)
        checks: dict[str, Callable[[], bool]] = {
            "range": lambda: downloading.range_status() in canary.REFUSED,
            "link": lambda: downloading.new_link_status() in canary.REFUSED,
        }
        if with_job:
            job = canary.start_job(bird, _longest(repo))
            checks["job"] = lambda: not Job.objects.open().filter(pk=job.pk).exists()
        canary.revoke(bird, timezone.now())
        return canary.seconds_until(checks, time.monotonic(), give_up=3 * limit)
    finally:
        canary.clean_up(bird)


def _longest(repo: ModelRepo) -> int:
    """Return as many tokens as the model has room for, so that the job would run for long."""
    revision = head_revision(repo)
    if revision is None:
        raise canary.CanaryFailed(f"{repo.full_name} has no revision.")
    return hosted_model(revision).context_length - 16
