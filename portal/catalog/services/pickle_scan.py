"""Look into stored bytes before a revision names them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from portal.catalog.contents import Content
from portal.catalog.formats.pickles import holds_pickle, is_called_pickle
from portal.storage import BlobStore, blob_store

AT_ONCE = 8  # a bucket answers each range in milliseconds, so several are asked for at once


def pickles_among(contents: Iterable[Content]) -> list[Content]:
    """Find those that a loader would unpickle, whatever they are called.

    Of each, the beginning is read, and of a zip its directory.
    """
    looked_at, store = list(contents), blob_store()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda content: _is_pickle(store, content), looked_at)
        return [content for content, is_pickle in zip(looked_at, found, strict=True) if is_pickle]


def _is_pickle(store: BlobStore, content: Content) -> bool:
    if is_called_pickle(content.path):
        return True
    with store.open_seekable(content.sha256) as stored:
        return holds_pickle(stored)
