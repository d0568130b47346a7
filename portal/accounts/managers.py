"""The manager of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import UserManager
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User


class AccountManager(UserManager["User"]):
    """Django's manager; what `createsuperuser` makes by it is a whole account."""

    use_in_migrations = False

    def active(self) -> QuerySet[User]:
        """Select the people whose account isn't closed, the oldest first."""
        return self.filter(is_active=True).order_by("pk")

    def operators(self) -> QuerySet[User]:
        """Select the people who operate the site, the oldest first."""
        return self.active().filter(is_superuser=True)

    def create_superuser(  # type: ignore[override]  # our accounts have a name
        self, username: str, email: str, password: str | None = None, *, name: str, **fields: Any
    ) -> User:
        """Make an operator, with a namespace and a proved address as every account has."""
        from portal.accounts.services.operators import create_operator  # which imports the models

        return create_operator(
            username=username,
            email=email,
            name=name,
            password=password,
            now=timezone.now(),
            **fields,
        )
