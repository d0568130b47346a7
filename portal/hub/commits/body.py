"""A commit as clients send it: one JSON object per line, read line by line."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from portal.catalog.contents import LFS_FROM_BYTES, Content
from portal.catalog.models import Blob, ModelRepo
from portal.catalog.paths import require_path
from portal.catalog.services.commits import Add, Change, Copy, Delete
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.revisions import LONGEST_TITLE
from portal.errors import Invalid, TooLarge
from portal.hub.errors import NotBrought
from portal.hub.limits import text_of
from portal.hub.services.uploads import held
from portal.parsing.json import read_object

LARGEST_BODY_BYTES = 160 << 20  # clients send up to 100 MB of small files at once, in base64
LONGEST_LINE_BYTES = LFS_FROM_BYTES * 4 // 3 + 8192
MOST_CHANGES = 25_000


@dataclass(frozen=True)
class Header:
    title: str
    message: str
    parent: str


@dataclass(frozen=True)
class Named:
    """An LFS file, whose bytes were brought before."""

    path: str
    sha256: str
    size_bytes: int | None


def read_commit(request: HttpRequest, repo: ModelRepo) -> tuple[Header, list[Change]]:
    """The header and the changes, in order; small files are stored as they are read."""
    lines = _lines(request)
    header = _header(next(lines, {}))
    read = [_change(key, value) for key, value in map(_keyed, lines)]
    blobs = held(repo, (each.sha256 for each in read if isinstance(each, Named)))
    return header, [_found(each, blobs) if isinstance(each, Named) else each for each in read]


def _lines(request: HttpRequest) -> Iterator[dict[str, Any]]:
    total = count = 0
    while line := request.readline(LONGEST_LINE_BYTES + 1):
        total, count = total + len(line), count + 1
        if len(line) > LONGEST_LINE_BYTES or total > LARGEST_BODY_BYTES:
            raise TooLarge(
                "A commit holds files of up to 10 MB each, 100 MB in all. Larger ones go through "
                "the LFS batch, and more of them into several commits."
            )
        if count > MOST_CHANGES:
            raise TooLarge(f"A commit holds up to {MOST_CHANGES:,} changes. Make several.")
        if line.strip():
            yield read_object(line, most_bytes=LONGEST_LINE_BYTES)


def _keyed(line: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    key, value = line.get("key"), line.get("value")
    if not isinstance(key, str) or not isinstance(value, dict):
        raise Invalid("Each line is an object with “key” and “value”.", field="key")
    return key, value


def _header(line: dict[str, Any]) -> Header:
    key, value = _keyed(line)
    if key != "header":
        raise Invalid("The first line of a commit is its header.", field="header")
    description = text_of(value, "description", default="")
    title, message = titled(text_of(value, "summary"), description)
    return Header(title, message, text_of(value, "parentCommit", default=""))


def titled(summary: str, description: str = "") -> tuple[str, str]:
    """A title of one line, and all else that is said. Raises Invalid."""
    if not summary.strip():
        raise Invalid("Say in one line what changes.", field="summary")
    first, _, rest = summary.strip().partition("\n")
    title, over = first[:LONGEST_TITLE], first[LONGEST_TITLE:]
    message = "\n\n".join(part.strip() for part in (over, rest, description) if part.strip())
    return title.strip(), message


def _change(key: str, value: dict[str, Any]) -> Change | Named:
    match key:
        case "file":
            return Add(_stored(require_path(text_of(value, "path")), _bytes(value)))
        case "lfsFile":
            size = value.get("size")
            return Named(
                require_path(text_of(value, "path")),
                text_of(value, "oid"),
                size if type(size) is int else None,
            )
        case "deletedFile" | "deletedFolder" | "deletedEntry":
            return Delete(text_of(value, "path"))
        case "copyFile":
            source, revision = text_of(value, "srcPath"), text_of(value, "srcRevision", default="")
            return Copy(source, require_path(text_of(value, "path")), revision)
    raise Invalid(f"A commit can’t hold “{key[:40]}”.", field="key")


def _bytes(value: dict[str, Any]) -> bytes:
    content = text_of(value, "content", default="")
    if value.get("encoding", "utf-8") != "base64":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("“content” isn’t base64.", field="content") from error


def _stored(path: str, content: bytes) -> Content:
    if len(content) >= LFS_FROM_BYTES:
        raise TooLarge(f"{path} is over 10 MB: bring it through the LFS batch.", field="content")
    return store_bytes(path, content)


def _found(named: Named, blobs: dict[str, Blob]) -> Add:
    blob = blobs.get(named.sha256)
    if blob is None:
        raise NotBrought(named.sha256)
    if named.size_bytes not in (None, blob.size_bytes):
        raise Invalid(
            f"{named.path} has {blob.size_bytes} bytes, not {named.size_bytes}.", field="size"
        )
    return Add(Content(named.path, blob.sha256, blob.git_sha1, blob.size_bytes))
