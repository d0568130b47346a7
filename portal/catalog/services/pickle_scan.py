"""Scan stored bytes for pickles before a revision names them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from portal.catalog.contents import Content
from portal.catalog.formats.pickles import holds_pickle, is_called_pickle
from portal.storage import BlobStore, blob_store

AT_ONCE = 8  # a bucket answers each range in milliseconds, so several are asked for at once


def pickles_among(contents: Iterable[Content]) -> list[Content]:
    """Return the contents that a loader would unpickle, whatever they are called.

    The beginning of each is read, and a zip's directory.
    """
    looked_at, store = list(contents), blob_store()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = pool.map(lambda content: _is_pickle(store, content), looked_at)
        return [
            content for content, is_pickle in zip(looked_at, verdicts, strict=True) if is_pickle
        ]


def _is_pickle(store: BlobStore, content: Content) -> bool:
    if is_called_pickle(content.path):
        return True
    with store.open_seekable(content.sha256) as stored:
        return holds_pickle(stored)
