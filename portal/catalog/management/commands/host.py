"""Let a worker serve a repo as hosted inference, or end that."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.catalog.engine_choice import engine_of
from portal.catalog.management.lookups import account_named, repo_named
from portal.catalog.models import EngineName, ToolParser
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.repos import configure_repo
from portal.errors import DomainError


class Command(BaseCommand):
    help = "Let a worker serve the newest revision of a repo’s main as hosted inference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repo", metavar="NS/NAME", help="an existing repo")
        parser.add_argument("--as", dest="actor", required=True, metavar="USERNAME")
        parser.add_argument(
            "--engine",
            choices=("auto", *EngineName.values),
            help="what serves it: auto for the engine of its architecture; else as it is set",
        )
        parser.add_argument(
            "--tool-parser",
            choices=("none", *ToolParser.values),
            help="the format in which it calls tools of a chat; else as it is set",
        )
        parser.add_argument("--end", action="store_true", help="host it no more")

    def handle(self, *args: Any, **options: Any) -> None:
        repo, hosted = repo_named(options["repo"]), not options["end"]
        actor, now = account_named(options["actor"]), timezone.now()
        chosen = _chosen(engine=options["engine"], tool_parser=options["tool_parser"])
        try:
            configure_repo(actor=actor, repo_id=repo.pk, now=now, hosted=hosted, **chosen)
        except DomainError as error:
            raise CommandError(error.message) from error
        if not hosted:
            self.stdout.write(f"{repo} is hosted no more.")
            return
        named = settings.HOSTED_MODEL or "the one hosted repo; with several, it must be set"
        self.stdout.write(
            f"{repo} is hosted. The worker serves what WEIGHTGATE_HOSTED_MODEL names: {named}."
        )
        repo.refresh_from_db()
        if revision := head_revision(repo):
            engine = engine_of(repo, revision)
            self.stdout.write(f"Its engine is that of workers with WEIGHTGATE_ENGINE={engine}.")


def _chosen(**options: str | None) -> dict[str, str]:
    """Return the settings that were named; auto and none are those that name nothing."""
    named = {name: value for name, value in options.items() if value is not None}
    return {name: "" if value in ("auto", "none") else value for name, value in named.items()}
