from __future__ import annotations

from pathlib import Path

import pytest
from django.core.cache import cache

from tests.portal.hub.desk import Desk, make_desk
from tests.portal.world import World, make_world


@pytest.fixture
def world(db, tmp_path: Path) -> World:
    return make_world(tmp_path / "in")


@pytest.fixture
def desk(db, client) -> Desk:
    """Make a publisher of a lab with one new, private repo."""
    cache.clear()
    return make_desk(client)
