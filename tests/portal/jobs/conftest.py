from __future__ import annotations

import pytest

from portal.redis_client import redis_client
from tests.factories.jobs import make_hosted, tiny_model


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Write a folder with a random OPT of two layers."""
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(autouse=True)
def _empty_redis():
    redis_client().flushdb()


@pytest.fixture
def hosted(db, model):
    """Make a hosted repo on the review gate, loaded by a worker as far as Redis knows."""
    return make_hosted(model)
