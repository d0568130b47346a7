"""Lay stored files out in a folder, for what reads folders, without copying weights where it can.

On this machine they are links to the store. Of a bucket, files are fetched: all of them whole for
the engine; for checks that read no tensors, shards stand there as their headers, and other large
files as their beginnings, in files of their full size, which take no room.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shutil import copyfileobj

from inference.model_files.weight_formats import SAFETENSORS
from portal.catalog.contents import Content
from portal.catalog.folder_checks import is_hidden
from portal.catalog.formats.safetensors import HEADER_LIMIT_BYTES
from portal.storage import BlobStore, blob_store
from portal.storage.base import CHUNK_BYTES

FETCHED_BYTES = 64 << 20
HEAD_BYTES = 1 << 20


def lay_out(
    contents: Iterable[Content], folder: Path, *, is_whole: bool = False
) -> dict[str, Path]:
    """Lay out what isn't hidden; return the files by their paths. Raises BlobMissing."""
    store, files = blob_store(), {}
    for content in contents:
        if is_hidden(Path(content.path)):
            continue
        target = folder / content.path
        target.parent.mkdir(parents=True, exist_ok=True)
        local = store.local_path(content.sha256)
        if local is not None:
            target.symlink_to(local.absolute())
        elif is_whole or _is_fetched_whole(content):
            _fetch(store, content, target)
        else:
            _fetch_head(store, content, target)
        files[content.path] = target
    return files


def bytes_to_fetch(contents: Iterable[Content]) -> int:
    """Return how much ``lay_out`` reads over the network for checks; a header may be longer."""
    if blob_store().keeps_here:
        return 0
    return sum(
        content.size_bytes if _is_fetched_whole(content) else min(content.size_bytes, HEAD_BYTES)
        for content in contents
        if not is_hidden(Path(content.path))
    )


def _is_fetched_whole(content: Content) -> bool:
    return content.size_bytes <= FETCHED_BYTES and not content.path.endswith(SAFETENSORS)


def _fetch(store: BlobStore, content: Content, target: Path) -> None:
    with store.open(content.sha256) as source, target.open("wb") as out:
        copyfileobj(source, out, CHUNK_BYTES)


def _fetch_head(store: BlobStore, content: Content, target: Path) -> None:
    with store.open_seekable(content.sha256) as source, target.open("wb") as out:
        start = source.read(8)
        length = int.from_bytes(start, "little")
        out.write(start + source.read(max(HEAD_BYTES, min(length, HEADER_LIMIT_BYTES))))
        out.truncate(content.size_bytes)
