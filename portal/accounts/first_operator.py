"""Tell whether the installation has an operator; before that, nobody can begin."""

from __future__ import annotations

from http import HTTPStatus

from django.db import ProgrammingError, transaction

from portal.accounts.models import User
from portal.database.refusals import lacks_rights
from portal.errors import DomainError
from portal.process_commands import setup_command


class NotSetUp(DomainError):
    """The installation has no operator, or not even tables."""

    code = "not_set_up"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            f"This installation isn’t set up yet. Run `{setup_command()}` on its machine: it "
            "makes the settings, the operator and the first namespace, and says what comes next."
        )


class NoRights(DomainError):
    """The portal's role may not read the tables, as after a restore without the rights of roles."""

    code = "no_rights"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "The database lets the portal in, but its role (of DATABASE_URL) may not read the "
            "tables. Run doctor on its machine: it says what gives the rights."
        )


class FirstOperator:
    """The answer for this process: once there is an operator, there always is one."""

    exists = False

    def require(self) -> None:
        """Raise NotSetUp while there is none; ask the database only until there is one."""
        self.exists = self.exists or _has_operator()
        if not self.exists:
            raise NotSetUp


first_operator = FirstOperator()


def _has_operator() -> bool:
    try:
        with transaction.atomic():
            return User.objects.operators().exists()
    except ProgrammingError as error:
        if lacks_rights(error):
            raise NoRights from error
        return False  # no tables yet
