"""Publish a folder as the newest revision of a repo."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from portal.catalog import folder_checks
from portal.catalog.errors import NotPublishable
from portal.catalog.hash_cache import HashCache
from portal.catalog.load_check import LoadCheck
from portal.catalog.management.lookups import account_named, repo_named
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.quarantine.load_results import in_words, load_check_of
from portal.catalog.quarantine.questions import Questions
from portal.catalog.services.planning import PublishPlan, plan_revision
from portal.catalog.services.publishing import publish_revision, questions_about_folder
from portal.catalog.statements import Consent, HostingStatement, consent_of
from portal.errors import DomainError
from portal.storage import blob_store

LICENSOR_QUESTION = "Are you the licensor of these weights? [y/N] "
CONSENT_QUESTION = (
    "Then you need the licensor’s written consent to host them. Who gave it, when, and where is it "
    "kept? (empty: stop) "
)
UNANSWERED = "Without an answer, nothing is published."
YES = ("y", "yes")


class Command(BaseCommand):
    help = (
        "Check a folder, store its files by sha256, load what was stored, and release it as a "
        "signed revision of main. What a broken attempt has stored is not sent again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what to publish")
        parser.add_argument("--repo", required=True, metavar="NS/NAME", help="an existing repo")
        parser.add_argument("--as", dest="publisher", required=True, metavar="USERNAME")
        parser.add_argument("--title", default="Publish a revision", help="what changed")
        parser.add_argument("--dry-run", action="store_true", help="tell what would happen")
        right = parser.add_mutually_exclusive_group()
        right.add_argument("--licensor", action="store_true", help="I state: I am the licensor")
        right.add_argument(
            "--consent", metavar="TEXT", help="I state: the licensor has consented in writing; who"
        )
        parser.add_argument(
            "--changed-terms", action="store_true", help="I agree: others read the changed terms"
        )
        parser.add_argument("--allow-pickle", action="store_true", help="files that can run code")
        parser.add_argument(
            "--no-load-check", metavar="REASON", help="don’t load the stored files, since …"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder. Name the folder that holds the weights.")
        try:
            self._handle(folder, options)
        except NotPublishable as error:
            raise CommandError("Not published:\n  " + "\n  ".join(error.problems)) from error
        except DomainError as error:
            raise CommandError(error.message) from error

    def _handle(self, folder: Path, options: dict[str, Any]) -> None:
        repo, publisher = repo_named(options["repo"]), account_named(options["publisher"])
        arguments = {
            "actor": publisher,
            "repo_id": repo.pk,
            "folder": folder,
            "now": timezone.now(),
            "cache": HashCache(folder, kept_in=settings.VAR / "publish" / "hashes"),
            "allow_pickle": options["allow_pickle"],
            "engine_loads": options["no_load_check"] is None,
        }
        size = sum(path.stat().st_size for path in folder_checks.scan(folder))
        if options["dry_run"]:
            plan = _watched(size, "hashing", partial(plan_revision, **arguments))
            questions = questions_about_folder(repo, folder, arguments["now"])
            self.stdout.write("\n".join(told(plan, questions.left_by(_said(options)), options)))
            return
        arguments["load_check"] = LoadCheck(_reason(options["no_load_check"]), engine=repo.engine)
        questions = questions_about_folder(repo, folder, arguments["now"])
        arguments["consent"] = self._consent(questions, options)
        arguments["facts"] = {"allow_pickle": True} if options["allow_pickle"] else {}
        arguments["title"] = options["title"]
        readings = blob_store().readings
        revision = _watched(size * readings, "storing", partial(publish_revision, **arguments))
        self._tell(repo, revision, folder, options)

    def _consent(self, questions: Questions, options: dict[str, Any]) -> Consent:
        """Return what was agreed to by options; at a terminal, ask for what they leave open."""
        said = _said(options)
        left = questions.left_by(said)
        if left and not sys.stdin.isatty():
            raise CommandError("\n".join(_remedies(left)))
        return Consent(
            self._statement() if left.hosting else said.statement,
            self._agreed_to_terms(left) if left.changes else said.changed_terms,
        )

    def _agreed_to_terms(self, left: Questions) -> bool:
        if input(f"{left.about_terms} [y/N] ").strip().lower() not in YES:
            raise CommandError(UNANSWERED)
        return True

    def _statement(self) -> HostingStatement:
        if input(LICENSOR_QUESTION).strip().lower() in YES:
            return HostingStatement()
        consent = input(CONSENT_QUESTION)
        if not consent.strip():
            raise CommandError(UNANSWERED)
        return HostingStatement(consent)

    def _tell(
        self, repo: ModelRepo, revision: Revision, folder: Path, options: dict[str, Any]
    ) -> None:
        for warning in folder_checks.check(folder, allow_pickle=options["allow_pickle"]).warnings:
            self.stderr.write(f"Note: {warning}")
        self.stdout.write(f"{repo} is at {revision.commit}, {revision.files.count()} files.")
        self.stdout.write(loaded(revision))
        self.stdout.write(f"{settings.BASE_URL}/{repo}/verify/{revision.commit}")


def _said(options: dict[str, Any]) -> Consent:
    return consent_of(
        licensor=options["licensor"],
        consent=options["consent"],
        changed_terms=options["changed_terms"],
    )


def _remedies(left: Questions) -> list[str]:
    """Say which options answer what is still open."""
    right = (
        "By what right are these weights hosted? Say --licensor if they are yours to license, or "
        "--consent “who gave it in writing, when, and where it is kept”."
    )
    terms = f"{left.about_terms} Say --changed-terms if you do."
    return [right] * left.hosting + [terms] * bool(left.changes)


def loaded(revision: Revision) -> str:
    """Return what the record of the revision says about its load check."""
    check = load_check_of(revision)
    return f"{in_words(check)}." if check else ""


def told(plan: PublishPlan, left: Questions, options: dict[str, Any]) -> list[str]:
    """Describe a plan, a line for each effect."""
    if not plan.changes:
        commit = plan.head.commit if plan.head else ""
        return [f"The same files as {commit}: no new revision. Nothing changed."]
    lines = [f"{file.fate:7} {file.size_bytes:>15,}  {file.path}" for file in plan.files]
    lines += [f"{'removed':7} {'':>15}  {path}" for path in plan.removed]
    lines += [f"{name} would come from {plan.licence}." for name in plan.notices]
    lines.append(f"SHA256SUMS and model.sig would be made; key {plan.key_fingerprint}.")
    lines.append(f"{plan.new_entries} new logbook entries.")
    lines += [f"Note: {warning}" for warning in plan.warnings]
    lines.append(_what_is_tried(options))
    lines += [f"Publishing asks: {remedy}" for remedy in _remedies(left)]
    after = f"after {plan.head.commit}" if plan.head else "as the first revision"
    lines.append(
        f"Ready: {len(plan.files)} files, {plan.sent_bytes:,} bytes to store, {after}, titled "
        f"“{options['title']}”. Nothing changed."
    )
    return lines


def _what_is_tried(options: dict[str, Any]) -> str:
    if options["no_load_check"] is not None:
        return f"The stored files would not be loaded: {options['no_load_check']}"
    return "The engine would load the stored files and generate from them."


def _reason(skipped: str | None) -> str:
    """Return why the load check is skipped; "" where it is done."""
    if skipped is not None and not skipped.strip():
        raise CommandError("--no-load-check takes a reason, which is recorded.")
    return skipped or ""


def _watched(total: int, doing: str, work: Any) -> Any:
    with tqdm(total=total, unit="B", unit_scale=True, desc=doing, leave=False) as bar:
        return work(progress=lambda path, done: bar.update(done) and None)
