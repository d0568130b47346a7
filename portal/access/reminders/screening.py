"""Hold the grants and memberships that stand against new lines of the screening lists.

A hit opens a check, with a due date, for who administers the model. Whether access goes on until a
person has decided is a setting of the installation: ``SCREENING_STANDING``.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Max, QuerySet

from portal.access.grants.activation import newest_line, screened, suspend
from portal.access.grants.audit.facts import facts_of_screening
from portal.access.letters import checks
from portal.access.models import Grant, Membership, Screening, ScreeningEntry
from portal.access.reminders.locks import lock_grant_by_line, lock_membership
from portal.access.reminders.timer import Timer
from portal.access.screening import matching as lists
from portal.audit.events import EventType
from portal.audit.services import record


def _newest_line() -> int:
    """Return the newest screening line in force; a line taken off asks for no screening."""
    in_force = ScreeningEntry.objects.filter(removed_at=None)
    newest: int | None = in_force.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def grants_to_screen(now: datetime) -> QuerySet[Grant]:
    """Select signed grants not yet screened against the newest lines of the lists."""
    return Grant.objects.lasting_at(now).filter(screened_through__lt=_newest_line())


def screen_grant(grant: Grant, now: datetime) -> bool:
    """Hold a grant against the lines newer than its last screening."""
    screening = _screened(grant, now)
    if screening is None:
        return False
    event = EventType.GRANT_HELD if grant.is_held else EventType.GRANT_CHECKED
    record(event, actor=None, target=grant, at=now, **facts_of_screening(screening))
    return True


def members_to_screen(now: datetime) -> QuerySet[Membership]:
    """Select members who signed, under a lasting grant, not yet screened by the newest lines."""
    signed = Membership.objects.standing().filter(acceptance__isnull=False, person__isnull=False)
    lasting = signed.filter(grant__in=Grant.objects.lasting_at(now))
    return lasting.filter(screened_through__lt=_newest_line())


def screen_member(membership: Membership, now: datetime) -> bool:
    """Hold a member who signed against the lines newer than their last screening."""
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
    # Read before it screens: a line that is added meanwhile is newer, and screened for next time.
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


TIMERS = (
    Timer("grant_screened", grants_to_screen, screen_grant, lock_grant_by_line, batches=8),
    Timer("member_screened", members_to_screen, screen_member, lock_membership, batches=8),
)
