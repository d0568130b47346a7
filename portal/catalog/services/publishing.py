"""Publish a folder as a revision: check it, store its files, load it, release it at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from portal.accounts.models import User
from portal.catalog import folder_checks
from portal.catalog.contents import Content
from portal.catalog.errors import NotPublishable
from portal.catalog.hash_cache import HashCache
from portal.catalog.logbook.services import RawEntry, read_folder_logbook
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.commits import contents_of
from portal.catalog.services.companion_files import GENERATED, SUMS_FILE
from portal.catalog.services.hashing import Hashed, Intake, Progress, hash_file
from portal.catalog.services.licences import licence_files
from portal.catalog.services.lookup import DEFAULT_BRANCH, head_revision
from portal.catalog.services.repos import require_may_publish
from portal.catalog.services.revisions import release_revision, standing_revision
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
    if problems := findings.problems + wrong:
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
) -> Revision:
    """Release a folder as the newest revision of ``main``.

    Where the folder has no LICENSE or NOTICE, the licence in force gives its own. Bytes are stored
    before the transaction: a crash in between leaves blobs that the next attempt finds again, and
    no half-made revision. The same files again make no new revision. ``facts`` are told in the
    event, as is what ``load_check`` finds. ``engine_loads`` asks the engine's readers first, before
    anything is stored.
    """
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    require_may_publish(actor, repo.namespace)
    notices = licence_files(repo, now)
    checked = check_folder(
        folder, supplied=notices, allow_pickle=allow_pickle, engine_loads=engine_loads
    )
    with tempfile.TemporaryDirectory() as scratch:
        sources = sources_of(folder, notices, Path(scratch))
        hashed = Intake(blob_store(), cache, progress).take_all(sources)
    contents = [*hashed, *kept_hidden(repo)]
    if standing := standing_revision(repo, contents, DEFAULT_BRANCH):
        return standing
    # The stored bytes are loaded, not the folder's: these are what people will get.
    tried = load_check(hashed) if load_check else {}
    return release_revision(
        actor=actor,
        repo_id=repo.pk,
        contents=contents,
        entries=checked.entries,
        title=title,
        now=now,
        facts={**(facts or {}), **tried},
    )


def sources_of(folder: Path, notices: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    """Return the files to publish, by path; texts that the folder lacks go into ``scratch``."""
    sources = {path.relative_to(folder).as_posix(): path for path in folder_checks.scan(folder)}
    for name, text in missing_notices(sources, notices).items():
        sources[name] = scratch / name
        sources[name].write_bytes(text.encode())
    return {path: source for path, source in sources.items() if path not in GENERATED}


def kept_hidden(repo: ModelRepo) -> list[Content]:
    """List the branch's hidden files, as .gitattributes: a folder brings none and removes none."""
    head = head_revision(repo, DEFAULT_BRANCH)
    head_contents = contents_of(head).values() if head else ()
    return [
        content for content in head_contents if folder_checks.is_hidden(PurePosixPath(content.path))
    ]


def missing_notices(present: Collection[str], notices: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in notices.items() if name not in present}
