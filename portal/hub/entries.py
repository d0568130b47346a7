"""Show a revision's files as a tree, whose folders are in the files' paths alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from portal.catalog.errors import EntryNotFound
from portal.catalog.models import File, PickleScan, Revision
from portal.catalog.services.pickle_scan import pickles_in
from portal.hub import serializers
from portal.hub.history import last_changes

Entry = dict[str, Any]
UNSCANNED = {"status": "unscanned", "avScan": None, "pickleImportScan": None}


def files_of(revision: Revision, folder: str = "") -> list[File]:
    """List the files in the order of their paths, with their blobs, in one query."""
    files = revision.all_files().select_related("blob")
    return list(files.filter(path__startswith=f"{folder}/") if folder else files)


def entries_under(revision: Revision, folder: str, *, recursive: bool) -> list[Entry]:
    """List what is in a folder. Raises EntryNotFound; only the root may be empty."""
    files = files_of(revision, folder)
    if folder and not files:
        raise EntryNotFound(folder, revision.commit)
    depth = folder.count("/") + 1 if folder else 0
    folders = _folders(files, depth)
    entries = [serializers.directory(path, inside) for path, inside in folders.items()]
    entries += [serializers.entry(file) for file in files]
    if not recursive:
        entries = [entry for entry in entries if entry["path"].count("/") == depth]
    return sorted(entries, key=lambda entry: entry["path"])


def entries_at(revision: Revision, paths: Iterable[str]) -> list[Entry]:
    """List files and folders by their paths, without those that aren't there."""
    files = files_of(revision)
    by_path = {file.path: file for file in files}
    folders = _folders(files, 0)
    entries = []
    for path in dict.fromkeys(path.strip("/") for path in paths):
        if path in by_path:
            entries.append(serializers.entry(by_path[path]))
        elif path in folders:
            entries.append(serializers.directory(path, folders[path]))
    return entries


def _folders(files: list[File], depth: int) -> dict[str, list[File]]:
    """Return every folder below ``depth``, with the files in it at any level."""
    inside: dict[str, list[File]] = defaultdict(list)
    for file in files:
        parts = file.path.split("/")
        for length in range(depth + 1, len(parts)):
            inside["/".join(parts[:length])].append(file)
    return inside


def expanded(revision: Revision, entries: list[Entry]) -> list[Entry]:
    """Add to each entry its last commit; a folder's is the newest in it."""
    folders = [entry["path"] for entry in entries if entry["type"] == "directory"]
    paths = {entry["path"] for entry in entries if entry["type"] == "file"}
    if folders:
        paths |= {
            file.path
            for file in files_of(revision)
            if any(file.path.startswith(f"{folder}/") for folder in folders)
        }
    changes = last_changes(revision, paths)
    scans = pickles_in(revision, paths)
    return [entry | _extras(entry, changes, scans) for entry in entries]


def _extras(entry: Entry, changes: dict[str, Revision], scans: dict[str, PickleScan]) -> Entry:
    if entry["type"] == "file":
        commit = serializers.last_commit(changes[entry["path"]])
        scan = scans.get(entry["path"])
        status = serializers.pickle_status(scan) if scan else UNSCANNED
        return {"lastCommit": commit, "securityFileStatus": status}
    inside = f"{entry['path']}/"
    newest = max(
        (revision for path, revision in changes.items() if path.startswith(inside)),
        key=lambda revision: (revision.created_at, revision.pk),
    )
    return {"lastCommit": serializers.last_commit(newest)}
