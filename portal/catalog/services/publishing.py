"""Publish a folder as a revision: check it, store its files, load it, release it at once."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.catalog import folder_checks
from portal.catalog.contents import Content
from portal.catalog.errors import ConsentNeeded, NotPublishable
from portal.catalog.hash_cache import HashCache
from portal.catalog.licensing.hosting import keep_right, standing_right, statement_in
from portal.catalog.licensing.revision_terms import (
    CARD,
    LICENCE_TEXTS,
    RevisionTerms,
    terms_in_card,
)
from portal.catalog.logbook.services import RawEntry, read_folder_logbook
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.quarantine.checking import release_consented
from portal.catalog.quarantine.consenting import record_agreement
from portal.catalog.quarantine.finite import examine_shards, note_examined
from portal.catalog.quarantine.naming import tip_of
from portal.catalog.quarantine.passing import add_blobs
from portal.catalog.quarantine.questions import Questions, questions_about
from portal.catalog.services.companion_files import GENERATED, SUMS_FILE
from portal.catalog.services.hashing import Hashed, Intake, Progress, hash_file
from portal.catalog.services.licences import licence_files
from portal.catalog.services.lookup import DEFAULT_BRANCH, contents_of
from portal.catalog.services.pickle_scan import pickle_problems
from portal.catalog.services.repos import locked_for_publishing, require_may_publish
from portal.catalog.services.revisions import release_revision, standing_revision
from portal.catalog.statements import NO_CONSENT, Consent
from portal.storage import blob_store

__all__ = ["SUMS_FILE", "Checked", "Hashed", "check_folder", "hash_file", "publish_revision"]

Facts = Mapping[str, Any]
LoadCheck = Callable[[Sequence[Content]], Facts]
"""Tries the stored bytes and returns what it found, for the event. Raises NotPublishable."""


@dataclass(frozen=True)
class Checked:
    """The logbook and the warnings of a folder that can be published."""

    entries: list[RawEntry]
    warnings: list[str]


def check_folder(
    folder: Path,
    *,
    supplied: Mapping[str, str] | None = None,
    allow_pickle: bool = False,
    engine_loads: bool = False,
) -> Checked:
    """Check a folder and read its logbook. Raises NotPublishable, naming all that is wrong.

    ``supplied`` are the texts that publishing adds by itself, so that the folder needs none.
    """
    findings = folder_checks.check(
        folder, supplied=supplied, allow_pickle=allow_pickle, engine_loads=engine_loads
    )
    entries, wrong = read_folder_logbook(folder)
    if problems := findings.missing + findings.problems + wrong:
        raise NotPublishable(problems)
    return Checked(entries, findings.warnings)


def publish_revision(
    *,
    actor: User,
    repo_id: int,
    folder: Path,
    title: str,
    now: datetime,
    progress: Progress | None = None,
    cache: HashCache | None = None,
    allow_pickle: bool = False,
    engine_loads: bool = False,
    load_check: LoadCheck | None = None,
    facts: Facts | None = None,
    consent: Consent = NO_CONSENT,
) -> Revision:
    """Release a folder as the newest revision of ``main``.

    Where the folder has no LICENSE or NOTICE, the licence in force gives its own. Bytes are stored
    before the transaction: a crash in between leaves blobs that the next attempt finds again, and
    no half-made revision. The same files again make no new revision. ``facts`` are told in the
    event, as are what ``load_check`` finds and by what right the weights are hosted.
    ``engine_loads`` asks the engine's readers first, before anything is stored. Raises
    ConsentNeeded, before that too, for what is asked and ``consent`` doesn't answer.
    """
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    require_may_publish(actor, repo.namespace)
    allow_pickle = allow_pickle or repo.pickles_allowed
    notices = licence_files(repo, now)
    check_folder(folder, supplied=notices, allow_pickle=allow_pickle, engine_loads=engine_loads)
    questions = questions_about_folder(repo, folder, now)
    if left := questions.left_by(consent):
        raise ConsentNeeded(left.words)
    with tempfile.TemporaryDirectory() as scratch:
        sources = sources_of(folder, notices, Path(scratch))
        hashed = Intake(blob_store(), cache, progress).take_all(sources)
    contents = [*hashed, *kept_hidden(repo)]
    standing = standing_revision(repo, contents, DEFAULT_BRANCH)
    if standing is not None and not standing.is_quarantined:
        return standing
    if allow_pickle and (problems := pickle_problems(hashed, allowed=True)):
        raise NotPublishable(problems)
    # The stored bytes are loaded, not the folder's: these are what people will get.
    tried = load_check(hashed) if load_check else {}
    _require_finite(hashed, tried, now)
    with transaction.atomic():
        stated = _keep_statement(repo.pk, actor, consent, now)
        revision = release_revision(
            actor=actor,
            repo_id=repo.pk,
            contents=contents,
            title=title,
            now=now,
            facts={**(facts or {}), **stated, **tried},
        )
        if questions.changes:
            record_agreement(revision, questions.changes, actor=actor, now=now)
        release_consented(revision.repo, actor=actor, now=now)
    return revision


def questions_about_folder(repo: ModelRepo, folder: Path, now: datetime) -> Questions:
    """Return what is to be agreed to before a folder is published; its weights aren't read."""
    files = {path.relative_to(folder).as_posix(): path for path in folder_checks.scan(folder)}
    texts = {path: text.encode() for path, text in licence_files(repo, now).items()}
    texts |= {path: files[path].read_bytes() for path in (CARD, *LICENCE_TEXTS) if path in files}
    digests = {
        path: hashlib.sha256(texts[path]).hexdigest() for path in LICENCE_TEXTS if path in texts
    }
    card = terms_in_card(texts.get(CARD, b"").decode("utf-8", "replace"))
    terms, sha256s = RevisionTerms(digests, card), dict.fromkeys(files, "")
    return questions_about(repo, sha256s, terms, parent=tip_of(repo, DEFAULT_BRANCH))


def _keep_statement(repo_id: int, actor: User, consent: Consent, now: datetime) -> Facts:
    """Keep what was stated, and return for the event by what right the weights are hosted."""
    repo = locked_for_publishing(actor, repo_id)
    if consent.statement is not None:
        keep_right(repo, actor=actor, statement=consent.statement, now=now)
    right = standing_right(repo)
    return {"statement": statement_in(right).as_data()} if right else {}


def _require_finite(contents: Sequence[Content], tried: Facts, now: datetime) -> None:
    """Read the shards in full, unless the engine just did. Raises NotPublishable."""
    add_blobs(contents)
    if tried.get("load_check", {}).get("result") in ("loaded", "read"):
        note_examined(contents, now)
    elif problems := examine_shards(contents, now=now, advance=lambda path, size_bytes: None):
        raise NotPublishable(problems)


def sources_of(folder: Path, notices: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    """Return the files to publish, by path; texts that the folder lacks go into ``scratch``."""
    sources = {path.relative_to(folder).as_posix(): path for path in folder_checks.scan(folder)}
    for name, text in missing_notices(sources, notices).items():
        sources[name] = scratch / name
        sources[name].write_bytes(text.encode())
    return {path: source for path, source in sources.items() if path not in GENERATED}


def kept_hidden(repo: ModelRepo) -> list[Content]:
    """List the branch's hidden files, as .gitattributes: a folder brings none and removes none."""
    head = tip_of(repo, DEFAULT_BRANCH)
    head_contents = contents_of(head).values() if head else ()
    return [
        content for content in head_contents if folder_checks.is_hidden(PurePosixPath(content.path))
    ]


def missing_notices(present: Collection[str], notices: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in notices.items() if name not in present}
