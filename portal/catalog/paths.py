"""Which paths a revision may hold, and which names a ref may bear."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

from portal.catalog.errors import BadPath
from portal.errors import Invalid

LONGEST_PATH = 500
LONGEST_REF = 200
RESERVED = frozenset({".git", ".cache"})  # git's own, and where clients keep their notes
COMMIT = re.compile(r"[0-9a-fA-F]{40}")
UNFIT_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|^[./-]|[./]$|\.lock$")


def require_path(path: str) -> str:
    """The path as it is kept. Raises BadPath, which says what is wrong with it."""
    if wrong := _wrong(path):
        shown = path.encode("unicode_escape").decode()[:200]
        raise BadPath(f"{shown} can’t be a path in a model: {wrong}.", field="path")
    return path


def _wrong(path: str) -> str:
    parts = path.split("/")
    if not path or len(path) > LONGEST_PATH:
        return f"it must have 1 to {LONGEST_PATH} characters"
    if "\\" in path or any(not each.isprintable() for each in path):
        return "leave out backslashes and what can’t be printed"
    if any(part in ("", ".", "..") for part in parts):
        return "begin at the model’s root, without empty parts, “.” or “..”"
    if RESERVED.intersection(parts):
        return f"no folder may be called {' or '.join(sorted(RESERVED))}"
    return ""


def require_tree(paths: Iterable[str]) -> None:
    """No path may be a file and a folder at once. Raises BadPath."""
    files = set(paths)
    for path in files:
        *folders, _ = accumulate(path.split("/"), "{}/{}".format)
        if taken := files.intersection(folders):
            raise BadPath(
                f"{min(taken)} is a file, so {path} can’t lie in it. Delete the file first.",
                field="path",
            )


def require_ref(name: str) -> str:
    """A name that git would take for a branch or tag, and that looks like no commit."""
    wrong = not 0 < len(name) <= LONGEST_REF or not name.isprintable()
    if wrong or UNFIT_IN_REF.search(name) or name.startswith("refs/") or COMMIT.fullmatch(name):
        shown = name.encode("unicode_escape").decode()[:200]
        raise Invalid(
            f"{shown} can’t name a branch or tag. Use up to {LONGEST_REF} letters, digits, "
            "hyphens, dots and slashes; it may not look like a commit.",
            field="name",
        )
    return name
