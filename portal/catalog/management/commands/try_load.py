"""Load a model's newest revision with the engine that is to serve it, and record how that went."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.catalog.load_check import UNCHECKED
from portal.catalog.management.lookups import account_named, repo_named
from portal.catalog.models import EngineName
from portal.catalog.quarantine.load_results import FAILED, in_words, try_revision
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.repos import require_may_publish
from portal.errors import DomainError


class Command(BaseCommand):
    help = (
        "Load a repo’s newest revision with its engine, or with one that is to serve it later; for "
        "vLLM, set WEIGHTGATE_VLLM here."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repo", metavar="NS/NAME", help="an existing repo")
        parser.add_argument("--as", dest="actor", required=True, metavar="USERNAME")
        parser.add_argument("--engine", choices=EngineName.values, default="")

    def handle(self, *args: Any, **options: Any) -> None:
        repo, actor = repo_named(options["repo"]), account_named(options["actor"])
        revision = head_revision(repo)
        if revision is None:
            raise CommandError(f"{repo} has no revision yet: publish one.")
        revision.repo = repo
        try:
            require_may_publish(actor, repo.namespace)
            check = try_revision(
                actor=actor, revision=revision, now=timezone.now(), engine=options["engine"]
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        if check["result"] in (UNCHECKED, FAILED):
            raise CommandError(f"{in_words(check)}.")
        self.stdout.write(f"{in_words(check)}.")
