"""A gated repo, and a reviewer on its team."""

from __future__ import annotations

import pytest

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from tests.factories.catalog import make_repo, make_reviewer


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo()


@pytest.fixture
def reviewer(repo: ModelRepo) -> User:
    return make_reviewer(repo)
