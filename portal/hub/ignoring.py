"""Which files a ``.gitignore`` leaves out."""

from __future__ import annotations

from pathspec import GitIgnoreSpec

from portal.catalog.contents import Content
from portal.errors import Invalid
from portal.storage import blob_store

FILE = ".gitignore"
LARGEST_BYTES = 100_000
MOST_LINES = 2000


def ignore_rules(standing: dict[str, Content], sent: str) -> GitIgnoreSpec:
    """The rules that come with the request, or those that the branch holds."""
    text = sent or _held(standing.get(FILE))
    lines = text.splitlines()
    if len(text) > LARGEST_BYTES or len(lines) > MOST_LINES:
        raise Invalid(f"{FILE} may have up to {MOST_LINES} lines.", field="gitIgnore")
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise Invalid(f"{FILE} holds what is no pattern: {error}", field="gitIgnore") from error


def ignored(rules: GitIgnoreSpec, path: str) -> bool:
    return rules.match_file(path)


def _held(file: Content | None) -> str:
    if file is None or file.size_bytes > LARGEST_BYTES:
        return ""
    with blob_store().open(file.sha256) as content:
        return content.read().decode("utf-8", "replace")
