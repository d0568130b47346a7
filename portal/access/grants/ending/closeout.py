"""Close a grant as its holder, with a statement of what became of the copies."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.errors import GrantIsOver
from portal.access.grants.ending.end import Cause, end_grants
from portal.access.grants.locks import lock_line, lock_own
from portal.access.letters import grants as letters
from portal.access.lifecycle import is_closed
from portal.access.models import Grant
from portal.accounts.models import User
from portal.catalog.models import Mode
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem


@transaction.atomic
def close_grant(
    *, holder: User, grant_id: int, statement: str, deleted_copies: bool, now: datetime
) -> Grant:
    """Close a grant, whose members end with it. Closing again changes nothing.

    One that has ended is closed too, since the team wants the statement in any case.
    """
    grant = lock_own(holder, grant_id, now)
    if grant.is_offer:
        raise GrantIsOver(_("This is an offer; decline it on its page."))
    if is_closed(grant):
        return grant
    _check(grant, statement, deleted_copies)
    end_grants(
        lock_line(grant, now),
        Cause.CLOSED,
        actor=holder,
        reason=statement.strip(),
        now=now,
        deleted_copies=deleted_copies,
    )
    letters.send_closed(grant, now=now)
    return grant


def _check(grant: Grant, statement: str, deleted_copies: bool) -> None:
    errors: dict[str, str] = {}
    missing = _("Say what became of the model’s copies and of what you made with it.")
    if problem := text_problem(statement, missing=missing):
        errors["statement"] = problem
    if Mode.DOWNLOAD in grant.modes and not deleted_copies:
        errors["deleted_copies"] = _(
            "Confirm that every copy of the weights is deleted. If one must stay, write to the "
            "team first."
        )
    if errors:
        raise FieldErrors(errors)
