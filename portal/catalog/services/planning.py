"""Plan the publication of a folder: tell what it would do, and store nothing."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portal.accounts.models import User
from portal.catalog.errors import NotPublishable
from portal.catalog.hash_cache import HashCache
from portal.catalog.logbook.services import fresh_entries
from portal.catalog.manifests.key import fingerprint, manifest_key
from portal.catalog.models import LicenceVersion, ModelRepo, Revision
from portal.catalog.quarantine.naming import tip_of
from portal.catalog.services.companion_files import GENERATED
from portal.catalog.services.hashing import Hashed, Intake, Progress
from portal.catalog.services.licences import licence_files, version_in_force
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.catalog.services.publishing import (
    check_folder,
    kept_hidden,
    missing_notices,
    sources_of,
)
from portal.catalog.services.repos import require_may_publish
from portal.catalog.services.revisions import standing_revision
from portal.storage import blob_store


@dataclass(frozen=True)
class PlannedFile:
    """A file of a plan; ``fate`` is new, stored (its bytes are here already) or same as before."""

    fate: str
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class PublishPlan:
    head: Revision | None
    changes: bool
    files: list[PlannedFile]
    removed: list[str]
    licence: LicenceVersion | None
    notices: list[str]
    new_entries: int
    key_fingerprint: str
    warnings: list[str]

    @property
    def sent_bytes(self) -> int:
        sent = {file.sha256: file.size_bytes for file in self.files if file.fate == "new"}
        return sum(sent.values())


def plan_revision(
    *,
    actor: User,
    repo_id: int,
    folder: Path,
    now: datetime,
    progress: Progress | None = None,
    cache: HashCache | None = None,
    allow_pickle: bool = False,
    engine_loads: bool = False,
) -> PublishPlan:
    """Return what publishing a folder would do; raises whatever publishing would raise."""
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    require_may_publish(actor, repo.namespace)
    notices = licence_files(repo, now)
    checked = check_folder(
        folder,
        supplied=notices,
        allow_pickle=allow_pickle or repo.pickles_allowed,
        engine_loads=engine_loads,
    )
    rows, wrong = fresh_entries(repo, checked.entries, now=now)
    if wrong:
        raise NotPublishable(wrong)
    with tempfile.TemporaryDirectory() as scratch:
        sources = sources_of(folder, notices, Path(scratch))
        hashed = Intake(None, cache, progress).take_all(sources)
    head, hidden_files = tip_of(repo, DEFAULT_BRANCH), kept_hidden(repo)
    sha256_of = dict(head.all_files().values_list("path", "blob_id")) if head else {}
    return PublishPlan(
        head=head,
        changes=standing_revision(repo, [*hashed, *hidden_files], DEFAULT_BRANCH) is None,
        files=[_planned(file, sha256_of) for file in hashed],
        removed=sorted(
            set(sha256_of) - {file.path for file in [*hashed, *hidden_files]} - GENERATED
        ),
        licence=version_in_force(repo, now),
        notices=sorted(missing_notices([path.name for path in folder.iterdir()], notices)),
        new_entries=len(rows),
        key_fingerprint=fingerprint(manifest_key().public_key()),
        warnings=checked.warnings,
    )


def _planned(file: Hashed, held: dict[str, str]) -> PlannedFile:
    if held.get(file.path) == file.sha256:
        fate = "same"
    else:
        fate = "stored" if blob_store().has(file.sha256) else "new"
    return PlannedFile(fate, file.path, file.size_bytes, file.sha256)
