"""A revision's files as a table, and what it takes to fetch them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from django.db.models import Q
from django.utils.translation import gettext

from portal import formatting
from portal.access.policy.permissions import Permission
from portal.catalog.lfs_rules import ATTRIBUTES
from portal.catalog.manifests.manifest import SIGNATURE_FILE
from portal.catalog.models import File, ModelRepo, PendingRef, PickleScan, Ref, Revision
from portal.catalog.quarantine.looking import is_of_documents
from portal.catalog.services.pickle_scan import pickles_in
from portal.site.markdown.rendering import CardBase

SUMS = "SHA256SUMS"
SPEEDS = (1, 5, 20, 100)  # Mbit/s
MEGABIT_BYTES = 10**6 / 8
FOLD = 40
PLAIN = re.compile(r"[\w./+-]+", re.ASCII)  # what a shell and an address take as it is


@dataclass(frozen=True)
class FileRow:
    """A file as a row; ``url`` is empty where this person may not read it."""

    path: str
    size_bytes: int
    sha256: str
    is_open: bool
    url: str
    pickle: PickleScan | None = None


@dataclass(frozen=True)
class FilesPanel:
    revision: Revision
    rows: list[FileRow]
    folded: list[FileRow]
    within: str
    count: int
    size_bytes: int
    has_sums: bool
    has_plain_sums: bool
    is_signed: bool
    has_weights: bool
    times: list[tuple[int, str]]
    refs: list[Ref | PendingRef]
    chosen: str


def inside(path: str) -> Q:
    """Select the file of this path, or the files in the folder of this path."""
    return Q(path=path) | Q(path__startswith=f"{path}/")


def is_bare(revision: Revision) -> bool:
    """Tell whether a revision holds nothing to read: at most what making its repo put there."""
    return not revision.all_files().exclude(path=ATTRIBUTES).exists()


def read_files(
    repo: ModelRepo,
    revision: Revision,
    *,
    refs: list[Ref | PendingRef],
    chosen: str,
    download: Permission,
    within: str = "",
) -> FilesPanel:
    """List a revision's files. ``download``: what the person may download of it.

    ``refs`` are the branches and tags to choose from.

    ``within`` narrows the rows to a file or folder; one that isn't there narrows nothing.
    """
    files = list(revision.all_files().select_related("blob"))
    pickles = pickles_in(revision)
    rows = [_row(repo, revision, file, download, pickles.get(file.path)) for file in files]
    total = sum(row.size_bytes for row in rows)
    has_sums = any(row.path == SUMS for row in rows)
    listed = [row for row in rows if row.path == within or row.path.startswith(f"{within}/")]
    listed = listed or rows
    return FilesPanel(
        revision=revision,
        rows=listed[:FOLD],
        folded=listed[FOLD:],
        within=within if len(listed) < len(rows) else "",
        count=len(rows),
        size_bytes=total,
        has_sums=has_sums,
        has_plain_sums=has_sums and all(PLAIN.fullmatch(row.path) for row in rows),
        is_signed=any(row.path == SIGNATURE_FILE for row in rows),
        has_weights=not is_of_documents([row.path for row in rows]),
        times=[(speed, _time(total, speed)) for speed in SPEEDS],
        refs=sorted(refs, key=lambda ref: ref.kind),
        chosen=chosen,
    )


def resolve_url(repo: ModelRepo, revision: Revision, path: str) -> str:
    return f"/{repo.full_name}/resolve/{revision.commit}/{quote(path)}"


def card_base(repo: ModelRepo, revision: Revision, download: Permission) -> CardBase:
    """Say where the card's addresses lead for a person with this permission to download."""
    place = f"/{repo.full_name}/{{}}/{revision.commit}/"
    every_file = download.allowed and download.limits.files is None
    return CardBase(place.format("resolve"), place.format("picture") if every_file else "")


def _row(
    repo: ModelRepo,
    revision: Revision,
    file: File,
    download: Permission,
    pickle: PickleScan | None,
) -> FileRow:
    readable = file.is_open or download.covers(file.path)
    url = resolve_url(repo, revision, file.path) if readable else ""
    is_open = file.is_open or not repo.is_gated
    return FileRow(file.path, file.blob.size_bytes, file.blob.sha256, is_open, url, pickle)


def _time(size_bytes: int, megabits: int) -> str:
    span = timedelta(seconds=size_bytes / (megabits * MEGABIT_BYTES))
    return gettext("under a minute") if span < timedelta(minutes=1) else formatting.duration(span)
