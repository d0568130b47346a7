"""Hold the grants and memberships that stand against new lines of the screening lists.

A hit opens a check, with a due date, for who administers the model. Whether access goes on until a
person has decided is a setting of the installation: ``SCREENING_STANDING``.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from portal.access.deadlines import due
from portal.access.grants.activation import newest_line, screened, suspend
from portal.access.grants.audit.facts import facts_of_screening
from portal.access.grants.locks import lock_grant
from portal.access.letters import checks
from portal.access.models import Grant, Membership, Screening
from portal.access.screening import matching as lists
from portal.audit.events import EventType
from portal.audit.services import record


@transaction.atomic
def screen_standing_grant(*, grant_id: int, now: datetime) -> bool:
    """Hold a grant, by the clock, against the lines newer than its last screening."""
    locked = lock_grant(grant_id)
    if locked is None or not due.grants_to_screen(now).filter(pk=grant_id).exists():
        return False
    screening = _screened(locked, now)
    if screening is None:
        return False
    event = EventType.GRANT_HELD if locked.is_held else EventType.GRANT_CHECKED
    record(event, actor=None, target=locked, at=now, **facts_of_screening(screening))
    return True


@transaction.atomic
def screen_standing_member(*, membership_id: int, now: datetime) -> bool:
    """Hold a member who signed, by the clock, against the lines newer than their screening."""
    found = due.members_to_screen(now).filter(pk=membership_id).first()
    grant = lock_grant(found.grant_id) if found else None
    locked = due.members_to_screen(now).select_for_update(of=("self",))
    membership = locked.select_related("person", "acceptance").filter(pk=membership_id).first()
    if grant is None or membership is None:
        return False
    membership.grant = grant
    screening = _screened(membership, now)
    if screening is None:
        return False
    event = EventType.MEMBER_HELD if membership.is_held else EventType.MEMBER_CHECKED
    record(event, actor=None, target=membership, at=now, **facts_of_screening(screening))
    return True


def _screened(right: Grant | Membership, now: datetime) -> Screening | None:
    """Screen a locked right by the new lines. Return the check that this opens, if any.

    A failure opens none: the right stays due, and is screened again at the next tick. One fault
    would otherwise stop every access at once.
    """
    before, newest = right.screened_through, newest_line()
    screening = _asked(right, before, now)
    if screening.outcome == Screening.Outcome.FAILED:
        return None
    right.screened_through = newest
    right.save(update_fields=["screened_through"])
    if screening.is_clear or _is_known(right, screening):
        return None
    _open(right, screening, now)
    return screening


def _asked(right: Grant | Membership, after: int, now: datetime) -> Screening:
    if isinstance(right, Membership):
        person = right.person or right.grant.person
        return screened(
            person,
            right.grant.repo,
            lambda entries: lists.hits_of_member(right, lists.newer(entries, after), now),
            now,
        )
    return screened(
        right.person,
        right.repo,
        lambda entries: lists.hits_of_grant(right, lists.newer(entries, after), now),
        now,
    )


def _is_known(right: Grant | Membership, screening: Screening) -> bool:
    """Return whether a check of the same right already waits for a word on each of the hits."""
    waiting = right.screenings.unanswered().values_list("hits", flat=True)
    known = [stored for hits in waiting for stored in hits]
    return all(stored in known for stored in screening.hits)


def _open(right: Grant | Membership, screening: Screening, now: datetime) -> None:
    """Keep the check; stop the access where the installation wants that; tell both sides once."""
    if isinstance(right, Membership):
        screening.membership = right
    else:
        screening.grant = right
    known = Screening.objects.of(screening.person).at(screening.under.repo)
    is_first = not known.open_at(now).exists()
    screening.save()
    if settings.SCREENING_STANDING == "suspend":
        suspend(right, now)
    if is_first:
        checks.send_standing_check(screening, now=now)
        checks.tell_team(screening, now=now)
