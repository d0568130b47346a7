"""A model with a team of a head and two reviewers, and how its letters are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.access.models import NotificationChoice
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.outbox.models import OutboxMessage
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_administrator


@pytest.fixture
def repo() -> ModelRepo:
    return make_repo()


@pytest.fixture
def head(repo: ModelRepo) -> User:
    return make_administrator(repo)


@pytest.fixture
def reviewer(repo: ModelRepo) -> User:
    return make_reviewer(repo)


@pytest.fixture
def colleague(repo: ModelRepo) -> User:
    return make_reviewer(repo)


@pytest.fixture
def team(head: User, reviewer: User, colleague: User) -> list[User]:
    return [head, reviewer, colleague]


@pytest.fixture
def readers() -> Callable[[str], list[str]]:
    """Return a function that lists who got a letter of a kind, a name for each letter."""

    def of(kind: str) -> list[str]:
        letters = OutboxMessage.objects.filter(kind=kind).select_related("recipient")
        return sorted(letter.recipient.username for letter in letters if letter.recipient)

    return of


@pytest.fixture
def choose() -> Callable[[User, str, str], None]:
    def store(person: User, event: str, frequency: str) -> None:
        NotificationChoice.objects.update_or_create(
            user=person, event=event, defaults={"frequency": frequency}
        )

    return store
