"""The log as it is written, beside what pytest shows of it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portal.observability.logs import formatter


class Logged(io.StringIO):
    """A stream of JSON lines."""

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Return what a search for the id finds."""
        return [entry for entry in self.entries() if entry["request_id"] == request_id]


@contextmanager
def logging_to(kind: str) -> Iterator[Logged]:
    """Write what is logged within the block to a stream as well, with the portal's formatter."""
    stream, root = Logged(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(kind))
    root.addHandler(handler)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
