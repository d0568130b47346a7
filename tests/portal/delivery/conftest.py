from __future__ import annotations

from pathlib import Path

import pytest

from tests.portal.storage.conftest import s3_servers, s3_store  # noqa: F401
from tests.portal.world import World, make_world


@pytest.fixture
def world(db, tmp_path: Path) -> World:
    return make_world(tmp_path / "in")
