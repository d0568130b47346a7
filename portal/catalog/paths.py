"""Check the paths of a revision's files and the names of refs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate

from portal.catalog.errors import BadPath
from portal.errors import Invalid

LONGEST_PATH = 500
LONGEST_SEGMENT_BYTES = 255  # what file systems take as one name
LONGEST_REF = 200
RESERVED = frozenset({".git", ".cache"})  # git's own, and where clients keep their notes
COMMIT = re.compile(r"[0-9a-fA-F]{40}")
UNFIT_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|^[./-]|[./]$|\.lock$")


def require_path(path: str) -> str:
    """Return the path as it is stored. Raises BadPath, which says what is wrong with it."""
    if problem := path_problem(path):
        raise BadPath(problem, field="path")
    return path


def path_problem(path: str) -> str:
    """Return what is wrong with a path; None if a revision may hold it."""
    if wrong := _wrong(path):
        shown = path.encode("unicode_escape").decode()[:200]
        return f"{shown} can’t be a path in a model: {wrong}."
    return ""


def _wrong(path: str) -> str:
    parts = path.split("/")
    if not path or len(path) > LONGEST_PATH:
        return f"it must have 1 to {LONGEST_PATH} characters"
    if "\\" in path or any(not character.isprintable() for character in path):
        return "leave out backslashes and what can’t be printed"
    if any(part in ("", ".", "..") for part in parts):
        return "begin at the model’s root, without empty parts, “.” or “..”"
    if any(len(part.encode()) > LONGEST_SEGMENT_BYTES for part in parts):
        return f"a name in it has at most {LONGEST_SEGMENT_BYTES} bytes in UTF-8"
    if RESERVED.intersection(parts):
        return f"no folder may be called {' or '.join(sorted(RESERVED))}"
    return ""


def require_tree(paths: Iterable[str], *, standing: Collection[str] = ()) -> None:
    """Raise BadPath for the first fault of paths that are to be in one revision.

    Paths in ``standing`` are there already: they are only compared with the others.
    """
    if problem := next(tree_problems(paths, standing=standing), ""):
        raise BadPath(problem, field="path")


def tree_problems(paths: Iterable[str], *, standing: Collection[str] = ()) -> Iterator[str]:
    """Name the paths that can't be on one disk at once.

    That is a file that is also a folder, and files whose names are the same to a file system that
    ignores case or composes accents.
    """
    files = {_as_disks_read(path): path for path in standing}
    for path in sorted(set(paths) - set(standing)):
        first_path = files.setdefault(_as_disks_read(path), path)
        if first_path != path:
            yield (
                f"{path} and {first_path} are one name to many file systems. Rename or delete one "
                "of them first."
            )
    for path in sorted(files.values()):
        *folders, _ = accumulate(_as_disks_read(path).split("/"), "{}/{}".format)
        if taken := next((files[folder] for folder in folders if folder in files), ""):
            yield f"{taken} is a file, so {path} can’t lie in it. Delete the file first."


def _as_disks_read(path: str) -> str:
    """Return the path as a file system reads it that ignores case and composes accents (NFC)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def require_ref(name: str) -> str:
    """Return the name of a branch or tag. Raises Invalid for what git refuses, or a commit."""
    wrong = not 0 < len(name) <= LONGEST_REF or not name.isprintable() or name == "HEAD"
    if wrong or UNFIT_IN_REF.search(name) or name.startswith("refs/") or COMMIT.fullmatch(name):
        shown = name.encode("unicode_escape").decode()[:200]
        raise Invalid(
            f"{shown} can’t name a branch or tag. Use up to {LONGEST_REF} letters, digits, "
            "hyphens, dots and slashes; it may not look like a commit, nor be HEAD.",
            field="name",
        )
    return name
