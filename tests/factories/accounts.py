"""People, made by the services that make them in life."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from portal.accounts.models import AccessToken, Namespace, User
from portal.accounts.services import create_lab, create_user, issue_token, let_publish
from portal.accounts.tokens.scopes import scopes_of

PASSWORD = "correct horse battery staple"
OPERATOR = "factory-operator"
LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_user(username: str = "", *, verified: bool = True, superuser: bool = False) -> User:
    username = username or f"person-{next(_numbers)}"
    return create_user(
        username=username,
        email=f"{username}@university.example",
        name=f"{username.title()} Name",
        password=PASSWORD,
        now=LONG_AGO,
        email_verified=verified,
        is_superuser=superuser,
    )


def the_operator() -> User:
    """Return the operator by whom the factories act: one for a test, made when first needed."""
    return User.objects.filter(username=OPERATOR).first() or make_user(OPERATOR, superuser=True)


def make_lab(name: str = "", *, publisher: User | None = None) -> Namespace:
    """Make a lab's namespace, in which ``publisher`` may publish."""
    operator = the_operator()
    lab = create_lab(
        actor=operator, name=name or f"lab-{next(_numbers)}", title="Example Lab", now=LONG_AGO
    )
    if publisher:
        let_publish(actor=operator, namespace=lab, user=publisher, now=LONG_AGO)
    return lab


def make_token(
    owner: User,
    *scopes: str,
    now: datetime = LONG_AGO,
    days: int = 365,
    repo_ids: list[int] | None = None,
) -> tuple[AccessToken, str]:
    """Make a token; return it and its secret. By default it has all scopes of its owner."""
    return issue_token(
        owner=owner,
        name="laptop",
        scopes=[str(scope) for scope in scopes or scopes_of(owner)],
        days=days,
        now=now,
        repo_ids=repo_ids,
    )
