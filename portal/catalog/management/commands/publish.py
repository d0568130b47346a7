"""Publish a folder as the newest revision of a repo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from portal.accounts.models import User
from portal.catalog import checks
from portal.catalog.errors import NotPublishable
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import licence_files
from portal.catalog.services.publishing import check_folder, publish_revision
from portal.errors import DomainError


class Command(BaseCommand):
    help = "Check a folder, store its files by sha256, and release it as a revision of main."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what to publish")
        parser.add_argument("--repo", required=True, metavar="NS/NAME", help="an existing repo")
        parser.add_argument("--as", dest="publisher", required=True, metavar="USERNAME")
        parser.add_argument("--title", default="Publish a revision", help="what changed")
        parser.add_argument("--dry-run", action="store_true", help="check, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder. Name the folder that holds the weights.")
        files = checks.scan(folder)
        size = sum(path.stat().st_size for path in files)
        try:
            if options["dry_run"]:
                repo = _repo(options["repo"])
                check_folder(folder, supplied=licence_files(repo, timezone.now()))
                self.stdout.write(f"Ready: {len(files)} files, {size:,} bytes. Nothing changed.")
                return
            self._publish(folder, size, options)
        except NotPublishable as error:
            raise CommandError("Not published:\n  " + "\n  ".join(error.problems)) from error
        except DomainError as error:
            raise CommandError(error.message) from error

    def _publish(self, folder: Path, size: int, options: dict[str, Any]) -> None:
        repo = _repo(options["repo"])
        publisher = User.objects.filter(username=options["publisher"]).first()
        if publisher is None:
            raise CommandError(f"There is no account {options['publisher']}.")
        with tqdm(total=size, unit="B", unit_scale=True, desc="hashing", leave=False) as bar:
            revision = publish_revision(
                actor=publisher,
                repo_id=repo.pk,
                folder=folder,
                title=options["title"],
                now=timezone.now(),
                progress=lambda path, done: bar.update(done) and None,
            )
        self.stdout.write(f"{repo} is at {revision.commit}, {revision.files.count()} files.")


def _repo(full_name: str) -> ModelRepo:
    repo = ModelRepo.objects.named(full_name).with_names().first()
    if repo is None:
        raise CommandError(f"There is no repo {full_name}.")
    return repo
