"""Find pickles among stored bytes before a revision names them, and what they import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from portal.catalog.contents import Content
from portal.catalog.folder_checks import dangerous_problem, pickle_problem
from portal.catalog.formats.pickle_imports import PickleImports, imports_of
from portal.catalog.formats.pickles import holds_pickle, is_called_pickle
from portal.catalog.models import ModelRepo, PickleScan, Revision
from portal.catalog.services.repos import settings_url
from portal.storage import BlobStore, blob_store

AT_ONCE = 8  # a bucket answers each range in milliseconds, so several are asked for at once
T = TypeVar("T")


def pickles_among(contents: Iterable[Content]) -> list[Content]:
    """Return the contents that a loader would unpickle, whatever they are called.

    The beginning of each is read, and a zip's directory.
    """
    looked_at = list(contents)
    verdicts = _of_all(_is_pickle, looked_at)
    return [content for content, is_pickle in zip(looked_at, verdicts, strict=True) if is_pickle]


def how_to_take_pickles(repo: ModelRepo) -> str:
    """Name the setting by which a model takes pickles, for whoever publishes it."""
    return f"Or choose “Take weights in pickles” in the model’s settings: {settings_url(repo)}"


def pickle_problems(contents: Iterable[Content], *, allowed: bool) -> list[str]:
    """Say why a repo can't take some of these contents, which are new to it.

    Where it allows pickles, those that import dangerous names are refused all the same, and what
    the others import is stored, so that pages and the API can say it.
    """
    pickles = pickles_among(contents)
    if not allowed:
        return [pickle_problem(pickle.path) for pickle in pickles]
    scanned = list(zip(pickles, _of_all(_imports, pickles), strict=True))
    # The same bytes import the same names, so a row is never changed.
    scans = [PickleScan.of(pickle.sha256, imports) for pickle, imports in scanned]
    PickleScan.objects.bulk_create(scans, ignore_conflicts=True)
    return [
        dangerous_problem(pickle.path, imports) for pickle, imports in scanned if imports.dangerous
    ]


def pickles_in(revision: Revision, paths: Collection[str] | None = None) -> dict[str, PickleScan]:
    """Return by path the pickles among a revision's files, or among some of them."""
    scanned = PickleScan.objects.values("sha256")
    files = revision.all_files().filter(blob__in=scanned)
    if paths is not None:
        files = files.filter(path__in=paths)
    blobs = dict(files.values_list("path", "blob_id"))
    scans = PickleScan.objects.in_bulk(set(blobs.values())) if blobs else {}
    return {path: scans[blob] for path, blob in blobs.items()}


def _of_all(look: Callable[[BlobStore, Content], T], contents: list[Content]) -> list[T]:
    store = blob_store()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda content: look(store, content), contents))


def _is_pickle(store: BlobStore, content: Content) -> bool:
    if is_called_pickle(content.path):
        return True
    with store.open_seekable(content.sha256) as stored:
        return holds_pickle(stored)


def _imports(store: BlobStore, content: Content) -> PickleImports:
    with store.open_seekable(content.sha256) as stored:
        return imports_of(stored)
