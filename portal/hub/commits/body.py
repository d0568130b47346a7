"""Read a commit as clients send it: a JSON object on each line, read line by line."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from pydantic import Field

from portal.catalog.contents import LFS_FROM_BYTES, Content
from portal.catalog.models import Blob, ModelRepo
from portal.catalog.services.commits import Add, Change, Copy, Delete
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.revisions import LONGEST_TITLE
from portal.errors import Invalid, TooLarge
from portal.hub.bodies import HubBody, Path, Text
from portal.hub.errors import NotBrought
from portal.hub.services.uploads import nameable_blobs
from portal.parsing.bodies import validated
from portal.parsing.json import read_object

LARGEST_BODY_BYTES = 160 << 20  # clients send up to 100 MB of small files at once, in base64
LONGEST_LINE_BYTES = LFS_FROM_BYTES * 4 // 3 + 8192  # a file in base64, with its path
MOST_CHANGES = 25_000


class CommitLine(HubBody):
    """A line of a commit: what kind of change it holds, and the change."""

    key: str
    value: dict[str, Any]


class HeaderValue(HubBody):
    """The line that says what the commit does, and on which commit it builds."""

    summary: Text
    description: str = ""
    parent_commit: str = ""


class SmallFile(HubBody):
    """A file that comes within the commit."""

    path: Path
    content: str = ""
    encoding: str = "utf-8"

    @property
    def content_bytes(self) -> bytes:
        """Decode the content. Raises Invalid."""
        if self.encoding != "base64":
            return self.content.encode()
        try:
            return base64.b64decode(self.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid("content must be in base64.", field="content") from error


class LfsFile(HubBody):
    """A large file, whose bytes were brought before."""

    path: Path
    sha256: Text = Field(alias="oid")
    size_bytes: int | None = Field(None, alias="size")


class DeletedEntry(HubBody):
    """A file or folder to be deleted."""

    path: Text


class CopiedFile(HubBody):
    """A file to be copied, from another revision where one is named."""

    path: Path
    src_path: Text
    src_revision: str = ""


CHANGES: dict[str, type[HubBody]] = {
    "file": SmallFile,
    "lfsFile": LfsFile,
    "deletedFile": DeletedEntry,
    "deletedFolder": DeletedEntry,
    "deletedEntry": DeletedEntry,
    "copyFile": CopiedFile,
}


@dataclass(frozen=True)
class Header:
    """A commit's title of one line, its message and the commit that it builds on."""

    title: str
    message: str
    parent: str


def read_commit(request: HttpRequest, repo: ModelRepo) -> tuple[Header, list[Change]]:
    """Read the header and the changes, in order; small files are stored as they are read."""
    lines = _lines(request)
    header = _header(next(lines, None))
    changes = [_change(line) for line in lines]
    # The large files are looked up together: a query for each of thousands would take minutes.
    sha256s = (change.sha256 for change in changes if isinstance(change, LfsFile))
    blobs = nameable_blobs(repo, sha256s)
    return header, [
        _brought(change, blobs) if isinstance(change, LfsFile) else change for change in changes
    ]


def _lines(request: HttpRequest) -> Iterator[CommitLine]:
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
            yield validated(CommitLine, read_object(line, most_bytes=LONGEST_LINE_BYTES))


def _header(line: CommitLine | None) -> Header:
    if line is None or line.key != "header":
        raise Invalid("The first line of a commit is its header.", field="header")
    value = validated(HeaderValue, line.value)
    title, message = titled(value.summary, value.description)
    return Header(title, message, value.parent_commit)


def titled(summary: str, description: str = "") -> tuple[str, str]:
    """Split what is said of a commit into a title of one line and a message. Raises Invalid."""
    if not summary.strip():
        raise Invalid("Say in one line what changes.", field="summary")
    first, _, rest = summary.strip().partition("\n")
    title, over = first[:LONGEST_TITLE], first[LONGEST_TITLE:]
    message = "\n\n".join(part.strip() for part in (over, rest, description) if part.strip())
    return title.strip(), message


def _change(line: CommitLine) -> Change | LfsFile:
    if line.key not in CHANGES:
        raise Invalid(f"A commit can’t hold “{line.key[:40]}”.", field="key")
    match validated(CHANGES[line.key], line.value):
        case SmallFile() as file:
            return Add(_stored(file.path, file.content_bytes))
        case DeletedEntry() as entry:
            return Delete(entry.path)
        case CopiedFile() as copied:
            return Copy(copied.src_path, copied.path, copied.src_revision)
        case LfsFile() as file:
            return file
    raise AssertionError(line.key)


def _stored(path: str, content: bytes) -> Content:
    if len(content) >= LFS_FROM_BYTES:
        raise TooLarge(f"{path} is over 10 MB: bring it through the LFS batch.", field="content")
    return store_bytes(path, content)


def _brought(file: LfsFile, blobs: dict[str, Blob]) -> Add:
    blob = blobs.get(file.sha256)
    if blob is None:
        raise NotBrought(file.sha256)
    if file.size_bytes not in (None, blob.size_bytes):
        raise Invalid(
            f"{file.path} has {blob.size_bytes} bytes, not {file.size_bytes}.", field="size"
        )
    return Add(Content(file.path, blob.sha256, blob.git_sha1, blob.size_bytes))
