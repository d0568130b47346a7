"""Begin access: no other module starts a grant, lets a member in or ends the hold of a check.

Each way in calls a function of this module, in its own transaction and with a lock on what begins:
a decision, a signed offer, the licence gate, a renewal, a newer text, an invitation, a check that
was cleared. So each of them asks for a proved address, holds and the screening lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Max
from django.utils.translation import gettext as _

from portal.access.errors import AddressUnproved, EmailNotVerified, HeldBack, HoldStands
from portal.access.lifecycle import ends_at
from portal.access.models import Coverage, Grant, Hold, Membership, Screening, ScreeningEntry
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import covered_repos, standing_coverage
from portal.access.requests.narrowing import ModelTerms
from portal.access.screening import matching as lists
from portal.access.screening.run import screen
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import DomainError

CHECK_DUE_AFTER = timedelta(days=7)
Hits = Callable[[list[ScreeningEntry]], list[lists.ScreeningHit]]


def require_admissible(
    person: User, repo: ModelRepo, now: datetime, *, actor: User | None = None
) -> None:
    """Raise an error where the person has no proved address, or a hold stops them.

    The person reads EmailNotVerified or HeldBack; an ``actor`` who isn't the person reads
    AddressUnproved or HoldStands, which are worded for the team.
    """
    if not person.has_verified_email:
        if _is_another(actor, person):
            raise AddressUnproved(person.display_name)
        raise EmailNotVerified(signs=True)
    require_not_held(person, repo, now, actor=actor)


def require_admissible_to(
    person: User, repos: Sequence[ModelRepo], now: datetime, *, actor: User | None = None
) -> None:
    """Raise what ``require_admissible`` does for models of one grant.

    A hold on some of them stops nobody from the others: the policy refuses those at each use.
    """
    *others, last = repos
    for repo in others:
        if not Hold.objects.on(person, repo, None, now).exists():
            last = repo
            break
    require_admissible(person, last, now, actor=actor)


def require_not_held(
    person: User, repo: ModelRepo, now: datetime, *, actor: User | None = None
) -> None:
    """Raise HeldBack where a hold stops this person here; HoldStands to somebody else."""
    if not Hold.objects.on(person, repo, None, now).exists():
        return
    if _is_another(actor, person):
        raise HoldStands
    raise HeldBack(
        _("Your access is suspended, so it can’t be opened now. The notice says whom to ask.")
    )


def _is_another(actor: User | None, person: User) -> bool:
    return actor is not None and actor.pk != person.pk


def is_admissible(person: User, repos: Sequence[ModelRepo], now: datetime) -> bool:
    """Tell whether these models would let a person in who isn't acting themselves."""
    try:
        require_admissible_to(person, repos, now)
    except DomainError:
        return False
    return True


def start_grant(
    grant: Grant,
    *,
    actor: User | None,
    now: datetime,
    at: datetime | None = None,
    covering: Sequence[ModelTerms] = (),
) -> Screening:
    """Save a signed grant as begun, at once or ``at`` a later moment; held where screening hits.

    ``covering``: the models that a new grant through a collection opens. Raises what
    ``require_admissible`` does.
    """
    opened = [model.repo for model in covering] or covered_repos(grant)
    require_admissible_to(grant.person, opened, now, actor=actor)
    # Lines that are added after this are left to the clock: see ``newest_line``.
    hits_of, newest = partial(lists.hits_of_grant, grant, now=now), newest_line()
    screening = screened(grant.person, grant.repo, hits_of, now)
    grant.screened_through = newest
    if screening.is_clear:
        grant.starts_at = at or now
    else:
        grant.held_at = now
    # The screening is saved after the grant, whose key it takes.
    grant.save()
    screening.grant = grant
    screening.save()
    cover(grant, covering, now)
    return screening


def cover(grant: Grant, models: Iterable[ModelTerms], now: datetime) -> None:
    """Let a saved grant through a collection cover these models, from now on while it is active."""
    for model in models:
        Coverage.objects.create(
            grant=grant,
            repo=model.repo,
            modes=list(model.modes),
            conditions=model.conditions.stored(),
            added_at=now,
        )


def extend_grant(grant: Grant, model: ModelTerms, now: datetime) -> bool:
    """Let a locked grant that stands cover one more model. Return False where something bars that.

    A hold does, a lost address, or a screening hit that nobody has cleared: then the grant stays as
    it is, and its holder can ask.
    """
    if not is_admissible(grant.person, [model.repo], now):
        return False
    hits_of = partial(lists.hits_of_grant, grant, now=now)
    if grant.is_held or not screened(grant.person, grant.repo, hits_of, now).is_clear:
        return False
    cover(grant, [model], now)
    return True


def carried(old: Grant) -> list[ModelTerms]:
    """Return what a grant that follows another covers: what stands of the other, as it stands."""
    return [
        ModelTerms(row.repo, tuple(row.modes), Conditions.of(row.conditions))
        for row in standing_coverage(old)
    ]


def admit_member(membership: Membership, now: datetime) -> Screening:
    """Save a member who has signed; held, where screening has a hit.

    Raises what ``require_admissible`` does.
    """
    person, repo = _person(membership), membership.grant.repo
    require_admissible_to(person, covered_repos(membership.grant), now)
    hits_of, newest = partial(lists.hits_of_member, membership, now=now), newest_line()
    screening = screened(person, repo, hits_of, now)
    membership.screened_through = newest
    if screening.is_clear:
        membership.joined_at = now
    else:
        membership.held_at = now
    membership.save()
    screening.membership = membership
    screening.save()
    return screening


def newest_line() -> int:
    """Return the key of the newest line of the screening lists, or 0.

    It is read before the screening itself: a line that is added between the two is then screened
    for again by the clock, rather than never. Lines taken off the lists count too.
    """
    newest: int | None = ScreeningEntry.objects.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def suspend(right: Grant | Membership, now: datetime) -> None:
    """Suspend a locked grant or membership until its check is cleared."""
    if right.held_at is None:
        right.held_at = now
        right.save(update_fields=["held_at"])


def release_grant(grant: Grant, *, actor: User, now: datetime) -> bool:
    """End the hold of a check on a locked grant. Return whether the grant begins only now."""
    begins = grant.starts_at is None
    if begins:
        # Weeks may have passed: a hold or a lost address counts as on the first day. A grant that
        # had begun before its check only opens again, and the policy asks for holds at each use.
        require_admissible_to(grant.person, covered_repos(grant), now, actor=actor)
        grant.starts_at = _start_of(grant, now)
    grant.held_at = None
    grant.save(update_fields=["held_at", "starts_at"])
    return begins


def release_member(membership: Membership, *, actor: User, now: datetime) -> bool:
    """End the hold of a check on a locked membership. Return whether they join only now."""
    begins = membership.joined_at is None
    if begins:
        opened = covered_repos(membership.grant)
        require_admissible_to(_person(membership), opened, now, actor=actor)
        membership.joined_at = now
    membership.held_at = None
    membership.save(update_fields=["held_at", "joined_at"])
    return begins


def screened(person: User, repo: ModelRepo, hits_of: Hits, now: datetime) -> Screening:
    """Screen a person; what the team cleared at this repo before stays cleared.

    Unsaved, since what it screens may have no row yet. One that isn't clear is due in a week.
    """
    screening, hits = screen(person, hits_of, now)
    # Only what this repo's team has cleared: another team's judgement isn't theirs.
    earlier = _cleared_before(person, repo, hits)
    if earlier is not None:
        screening.disposed_by, screening.disposed_at = earlier.disposed_by, now
        screening.disposition = earlier.disposition
    if not screening.is_clear:
        screening.due_at = now + CHECK_DUE_AFTER
    return screening


def _cleared_before(
    person: User, repo: ModelRepo, hits: list[lists.ScreeningHit]
) -> Screening | None:
    """Return the newest cleared screening, if all cleared ones together cover every hit."""
    disposed = Screening.objects.of(person).at(repo).filter(disposed_at__isnull=False)
    rows = list(disposed.order_by("disposed_at", "pk"))
    cleared = {lists.ScreeningHit.of(stored) for row in rows for stored in row.hits}
    return rows[-1] if hits and set(hits) <= cleared else None


def _person(membership: Membership) -> User:
    assert membership.person is not None  # noqa: S101 (who signed is somebody)
    return membership.person


def _start_of(grant: Grant, now: datetime) -> datetime:
    """Return when a grant that was held begins: now, or where the one that it renews ends."""
    before = ends_at(grant.parent) if grant.parent else now
    return before if now < before < ends_at(grant) else now
