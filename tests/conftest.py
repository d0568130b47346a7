"""What every test has: a fixed clock, a blob folder of its own, cheap password hashing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.storage import blob_store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _own_surroundings(settings, tmp_path: Path) -> Iterator[None]:
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    blob_store.cache_clear()
    yield
    blob_store.cache_clear()
