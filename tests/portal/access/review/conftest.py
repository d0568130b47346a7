"""One submitted request, a reviewer on its team, and somebody who heads the team."""

from __future__ import annotations

from datetime import datetime

import pytest

from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo(undo_minutes=None)


@pytest.fixture
def case(repo: ModelRepo, now: datetime) -> AccessRequest:
    return make_request(repo, now=now)


@pytest.fixture
def reviewer(repo: ModelRepo) -> User:
    return make_reviewer(repo)


@pytest.fixture
def head(repo: ModelRepo) -> User:
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
