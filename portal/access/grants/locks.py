"""Locks on grants, each held until the transaction ends.

The order is the same everywhere: a person, then the first grants of renewal chains by their keys,
then the grants, then memberships, then tokens. Whoever takes locks in another order may deadlock.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from portal.access.errors import GrantNotFound
from portal.access.lifecycle import is_over, is_told
from portal.access.models import Grant
from portal.access.policy.administering import require_administers
from portal.accounts.models import User


def lock_grant(grant_id: int) -> Grant | None:
    """Lock a grant, and before it the first of its renewal chain. Return None if there is none."""
    lock_lines([grant_id])
    locked = Grant.objects.select_for_update(of=("self",), no_key=True)
    related = ("repo__namespace", "person", "acceptance__licence_version__licence")
    grant: Grant | None = locked.select_related(*related).filter(pk=grant_id).first()
    return grant


def lock_lines(grant_ids: Collection[int]) -> None:
    """Lock the first grant of each renewal chain (a line), in the order of their keys.

    A line ends, is given notice and grows as a whole, so its first grant stands for all of it.
    Taking these locks before any other, and sorted, keeps two services that touch the same lines
    from each waiting for the other.
    """
    firsts = (
        Grant.objects.select_for_update(no_key=True)
        .filter(pk__in=_firsts_of(grant_ids))
        .order_by("pk")
    )
    list(firsts.values_list("pk", flat=True))


def _firsts_of(grant_ids: Collection[int]) -> set[int]:
    """Find the first grants of these grants' lines, with one query for each step back.

    Nothing is locked yet: a grant's parent never changes.
    """
    firsts, rest = set(), set(grant_ids)
    while rest:
        parents = dict(Grant.objects.filter(pk__in=rest).values_list("pk", "parent"))
        firsts |= {key for key, parent in parents.items() if parent is None}
        rest = {parent for parent in parents.values() if parent is not None}
    return firsts


def lock_own(holder: User, grant_id: int, now: datetime) -> Grant:
    """Lock a holder's own grant. Raise GrantNotFound to others, and before the holder is told."""
    grant = lock_grant(grant_id)
    if grant is None or grant.person_id != holder.pk or not is_told(grant, now):
        raise GrantNotFound
    return grant


def lock_administered(actor: User, grant_id: int, now: datetime) -> Grant:
    """Lock a grant for somebody who administers its repo.

    Raise GrantNotFound where the actor may not see the repo, Forbidden where they don't run it.
    """
    grant = lock_grant(grant_id)
    if grant is None:
        raise GrantNotFound
    require_administers(actor, grant.repo, now, unknown=GrantNotFound(), what="end a grant")
    return grant


def line_of(grant: Grant) -> list[Grant]:
    """Return the grant's line: what it renewed, itself, and what renewed it. Locks nothing."""
    line = [grant]
    while line[0].parent is not None:
        line.insert(0, line[0].parent)
    while following := Grant.objects.filter(parent=line[-1]).select_related("acceptance").first():
        line.append(following)
    return line


def lock_line(grant: Grant, now: datetime) -> list[Grant]:
    """Lock the grants of a locked grant's line that aren't over, and return them after it."""
    others = [relative.pk for relative in line_of(grant) if relative.pk != grant.pk]
    related = ("repo__namespace", "person")
    locked = Grant.objects.select_for_update(of=("self",), no_key=True).select_related(*related)
    relatives = locked.filter(pk__in=others).order_by("pk")
    return [grant, *(relative for relative in relatives if not is_over(relative, now))]


def lock_lasting(grants: QuerySet[Grant], now: datetime) -> list[Grant]:
    """Lock these grants and those of their lines, and return the ones that aren't over."""
    keys = list(grants.order_by("pk").values_list("pk", flat=True))
    lock_lines(keys)
    lines = [lock_line(grant, now) for key in keys if (grant := lock_grant(key))]
    return [grant for line in lines for grant in line if not is_over(grant, now)]
