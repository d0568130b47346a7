"""Change the quotas of a grant that stands, for all who work under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.locks import lock_grant, lock_line
from portal.access.letters import quotas as letters
from portal.access.lifecycle import is_over
from portal.access.models import Grant
from portal.access.policy.administering import require_decides_on
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import NUMBERS, Quotas, check_quotas
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Mode
from portal.errors import Conflict, FieldErrors
from portal.parsing.texts import text_problem

Changes = Mapping[str, int | bool | None]
ENDED = "This grant has ended, so there is no quota left to change. A new one names its own."
NOT_HOSTED = "This grant gives no hosted use, so it has no quotas."
NO_REASON = "Say why; the letter quotes it."


@transaction.atomic
def change_quotas(
    *, actor: User, grant_id: int, changes: Changes, reason: str, now: datetime
) -> Grant:
    """Change what is named in ``changes``, within the gate's bounds, from the next job on.

    A number is None for what the gate gives. A grant that renews this one changes with it. The
    holder and the members get a letter with the numbers. What is so already changes nothing. Raise
    FieldErrors, and GrantIsOver once the grant has ended.
    """
    grant = lock_grant(grant_id)
    if grant is None:
        raise GrantNotFound
    require_may_change(actor, grant, now)
    if _changed(grant, changes) == grant.quotas:
        return grant
    _check(grant, changes, reason)
    reason = reason.strip()
    for standing in lock_line(grant, now):
        was, standing.quotas = standing.quotas, _changed(standing, changes)
        if was == standing.quotas:
            continue
        standing.save(update_fields=["quotas"])
        record(
            EventType.GRANT_QUOTAS_CHANGED,
            actor=actor,
            target=standing,
            at=now,
            was=was,
            quotas=standing.quotas,
            reason=reason,
        )
    letters.send_quotas_changed(grant, reason=reason, now=now)
    return grant


def require_may_change(actor: User, grant: Grant, now: datetime) -> None:
    """Raise unless the actor decides on a grant that stands and gives hosted use.

    Raise GrantIsOver for one that has ended, Conflict for one without hosted use, and what
    ``require_decides_on`` raises.
    """
    require_decides_on(actor, grant, now)
    if is_over(grant, now):
        raise GrantIsOver(ENDED, help_url=f"/grants/{grant.pk}")
    if Mode.INFERENCE not in grant.modes:
        raise Conflict(NOT_HOSTED, help_url=f"/grants/{grant.pk}")


def _changed(grant: Grant, changes: Changes) -> dict[str, int | bool]:
    return replace(Quotas.of(grant.quotas), **changes).stored()  # type: ignore[arg-type]


def _check(grant: Grant, changes: Changes, reason: str) -> None:
    """Raise FieldErrors for a number out of bounds and for no reason.

    A number that the grant has already stays, even where the gate's bound is lower by now.
    """
    own = Quotas.of(grant.quotas)
    errors: dict[str, str] = {}
    named = {name: changes.get(name) for name in NUMBERS}
    newly = {name: number for name, number in named.items() if number != own.number(name)}
    try:
        check_quotas(Quotas(**newly), settings_of(grant.repo))  # type: ignore[arg-type]
    except FieldErrors as more:
        errors |= more.errors
    if problem := text_problem(reason, missing=NO_REASON):
        errors["reason"] = problem
    if errors:
        raise FieldErrors(errors)
