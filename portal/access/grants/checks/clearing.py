"""Clear the screening hits of a grant's holder or member, so that held access begins or goes on.

Where a hit can't be cleared, the grant is revoked or the membership ended, as any other is.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portal.access.errors import CheckNotFound, ConflictOfInterest, GrantIsOver
from portal.access.grants.activation import release_grant, release_member
from portal.access.grants.audit.facts import facts_of, facts_of_member
from portal.access.grants.locks import lock_lines
from portal.access.letters import checks, grants, members
from portal.access.models import Grant, Membership, Screening
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.parsing.texts import require_text

RELATED = (
    "grant__repo__namespace",
    "grant__person",
    "membership__grant__repo__namespace",
    "membership__grant__person",
    "membership__person",
)
NO_WORDS = "Say what you looked at, and why it is clear."


def check_for(actor: User, screening_id: int, now: datetime) -> Screening:
    """Return the check of a grant or a membership to somebody who administers its model."""
    checks_here = Screening.objects.of_rights().select_related(*RELATED)
    screening: Screening | None = checks_here.filter(pk=screening_id).first()
    if screening is None or not may(actor, Action.ADMINISTER, screening.under.repo, now).allowed:
        raise CheckNotFound
    return screening


def checks_of(actor: User, now: datetime) -> QuerySet[Screening]:
    """Return the open checks of the models that somebody administers, the earliest due first."""
    repos = ModelRepo.objects.administered_by(actor)
    screenings: QuerySet[Screening] = Screening.objects.open_at(now).in_repos(repos)
    return screenings.select_related(*RELATED).order_by("due_at", "pk")


@transaction.atomic
def clear_check(*, actor: User, screening_id: int, text: str, now: datetime) -> Screening:
    """Clear a check's hits: held access begins, or opens again. Clearing again changes nothing."""
    screening = check_for(actor, screening_id, now)
    require_no_part(actor, screening.person, screening.under)
    if screening.disposed_at is not None:
        return screening
    if not Screening.objects.open_at(now).filter(pk=screening.pk).exists():
        raise GrantIsOver("This access has ended, so there is nothing to check any more.")
    settle(screening.person, screening.under.repo, actor=actor, text=text, now=now)
    screening.refresh_from_db()
    return screening


def require_no_part(actor: User, person: User, grant: Grant) -> None:
    """Raise ConflictOfInterest where the actor is checked, or holds the grant."""
    if actor.pk in (person.pk, grant.person_id):
        raise ConflictOfInterest("You are of this grant yourself.")


def settle(person: User, repo: ModelRepo, *, actor: User, text: str, now: datetime) -> list[str]:
    """Clear every hit on a person at a repo, and let each right begin that waited for that.

    The caller clears in the same transaction. Return the versions of the lists that had hits.
    """
    text = require_text(text, "text", missing=NO_WORDS)
    grants_held, members_held = _lock_held(person, repo, now)
    unanswered = Screening.objects.of(person).at(repo).unanswered()
    # Listed before the update: afterwards the query finds none of them.
    answered = list(unanswered.select_related(*RELATED))
    unanswered.update(disposed_by=actor, disposed_at=now, disposition=text)
    for screening in answered:
        _record_cleared(screening, actor, now)
    standing = [screening for screening in answered if _had_begun(screening)]
    for grant in grants_held:
        _release_grant(grant, actor, now)
    for membership in members_held:
        _release_member(membership, actor, now)
    if standing:
        checks.send_standing_done(standing[-1], now=now)
    return sorted({screening.list_version for screening in answered})


def _had_begun(screening: Screening) -> bool:
    """Return False for the check of a snapshot, and of an access that was still to begin."""
    if screening.membership is not None:
        return screening.membership.joined_at is not None
    return screening.grant is not None and screening.grant.starts_at is not None


def _lock_held(
    person: User, repo: ModelRepo, now: datetime
) -> tuple[list[Grant], list[Membership]]:
    """Lock a person's held grants and memberships at a repo, after the lines of those grants."""
    # By its team: a grant through a collection may not cover its own lead.
    own = Grant.objects.filter(person=person, repo=repo).held_for_check(now)
    working = Membership.objects.held().filter(
        person=person, grant__repo=repo, grant__in=Grant.objects.lasting_at(now)
    )
    lock_lines({*own.values_list("pk", flat=True), *working.values_list("grant", flat=True)})
    related = ("repo__namespace", "person", "acceptance__licence_version__licence", "parent")
    locked = (
        own.select_for_update(of=("self",), no_key=True).select_related(*related).order_by("pk")
    )
    members_locked = working.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(locked), list(
        members_locked.select_related("grant__repo__namespace", "grant__person", "person")
    )


def _record_cleared(screening: Screening, actor: User, now: datetime) -> None:
    if screening.submission_id is not None:
        return  # whoever clears a request records that
    of_member = screening.membership is not None
    event = EventType.MEMBER_CLEARED if of_member else EventType.GRANT_CLEARED
    versions = [screening.list_version]
    record(event, actor=actor, target=screening.right, at=now, list_versions=versions)


def _release_grant(grant: Grant, actor: User, now: datetime) -> None:
    if release_grant(grant, actor=actor, now=now):
        grants.send_activation(grant, now=now)
        facts = facts_of(grant)
        record(EventType.GRANT_ACTIVATED, actor=actor, target=grant, at=now, **facts)


def _release_member(membership: Membership, actor: User, now: datetime) -> None:
    if release_member(membership, actor=actor, now=now):
        members.send_joined(membership, now=now)
        facts = facts_of_member(membership)
        record(EventType.MEMBER_JOINED, actor=actor, target=membership, at=now, **facts)
