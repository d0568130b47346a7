"""A model that takes requests, and somebody who asks for it."""

from __future__ import annotations

import pytest

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo()


@pytest.fixture
def applicant() -> User:
    return make_user()
