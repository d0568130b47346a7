"""Give each asset an address with the hash of its bytes, so that browsers keep it for a year.

No step of an installation has to collect or rename anything: the hash is taken where it is asked
for, once in a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

DIGITS = 10  # of the hash, in an address


class VersionedStaticFilesStorage(StaticFilesStorage):
    """The storage of assets behind ``{% static %}``, with the version in each address."""

    def url(self, name: str | None) -> str:
        version = version_of([name or ""])
        return f"{super().url(name)}?v={version}" if version else super().url(name)


def content_of(names: Sequence[str]) -> bytes:
    """Return the bytes of these assets, one after another; of one that isn't there, nothing."""
    paths = filter(None, map(finders.find, names))
    return b"\n".join(Path(path).read_bytes() for path in paths)


def version_of(names: Sequence[str]) -> str:
    """Return the version of assets, by their bytes; "" where there are none.

    It is taken once in a process, but each time while somebody works on them.
    """
    return _version(*names) if settings.DEBUG else _version_once(*names)


def _version(*names: str) -> str:
    content = content_of(names)
    return hashlib.sha256(content).hexdigest()[:DIGITS] if content else ""


_version_once = cache(_version)
