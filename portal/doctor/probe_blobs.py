"""Random bytes in the blob store, for as long as a check looks at them."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from portal.storage import blob_store

SIZE_BYTES = 4096


@dataclass(frozen=True)
class ProbeBlob:
    content: bytes
    sha256: str


def make_content() -> ProbeBlob:
    content = secrets.token_bytes(SIZE_BYTES)
    return ProbeBlob(content, hashlib.sha256(content).hexdigest())


@contextmanager
def stored() -> Iterator[ProbeBlob]:
    """Store a probe for the block. No row names it, and it is deleted whatever happens."""
    probe = make_content()
    try:
        blob_store().put_stream(io.BytesIO(probe.content), probe.sha256)
        yield probe
    finally:
        blob_store().delete(probe.sha256)
