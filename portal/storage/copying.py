"""Give stored blobs as files, wherever they are stored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from portal.storage.backends import blob_store


@contextmanager
def file_of_blob(sha256: str) -> Iterator[Path]:
    """Give the path of a blob, of one in a bucket that of a copy. Raises BlobMissing."""
    if (path := blob_store().local_path(sha256)) is not None:
        yield path
        return
    with NamedTemporaryFile(prefix="blob-") as copy:
        with blob_store().open(sha256) as content:
            shutil.copyfileobj(content, copy)
        copy.flush()
        yield Path(copy.name)
