"""A grant as its holder or administrator takes hold of it: locked until the transaction ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from portal.access.errors import GrantNotFound
from portal.access.lifecycle import is_over
from portal.access.models import Grant
from portal.access.policy.administering import require_administers
from portal.accounts.models import User


def lock_grant(grant_id: int) -> Grant | None:
    """The grant with its names, locked after its line."""
    lock_lines([grant_id])
    locked = Grant.objects.select_for_update(of=("self",))
    related = ("repo__namespace", "person", "acceptance__licence_version__licence")
    found: Grant | None = locked.select_related(*related).filter(pk=grant_id).first()
    return found


def lock_lines(grant_ids: Collection[int]) -> None:
    """The first of each grant's line, before anything else of it and in one order everywhere.

    So whoever ends a line, gives notice of its end or makes it longer waits for the others, and
    no two wait for each other.
    """
    firsts = Grant.objects.select_for_update().filter(pk__in=_firsts_of(grant_ids)).order_by("pk")
    list(firsts.values_list("pk", flat=True))


def _firsts_of(grant_ids: Collection[int]) -> set[int]:
    """Parents never change, so this may be read without a lock; a step for all at once."""
    firsts, rest = set(), set(grant_ids)
    while rest:
        parents = dict(Grant.objects.filter(pk__in=rest).values_list("pk", "parent"))
        firsts |= {key for key, parent in parents.items() if parent is None}
        rest = {parent for parent in parents.values() if parent is not None}
    return firsts


def lock_own(holder: User, grant_id: int) -> Grant:
    """The holder's own grant; anybody else's is not there."""
    grant = lock_grant(grant_id)
    if grant is None or grant.person_id != holder.pk:
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
    """The grant with what it renewed and what renewed it, oldest first; read, not locked."""
    line = [grant]
    while line[0].parent is not None:
        line.insert(0, line[0].parent)
    while following := Grant.objects.filter(parent=line[-1]).select_related("acceptance").first():
        line.append(following)
    return line


def lock_line(grant: Grant, now: datetime) -> list[Grant]:
    """The locked grant itself, and those of its line that aren’t over: they end together."""
    others = [each.pk for each in line_of(grant) if each.pk != grant.pk]
    related = ("repo__namespace", "person")
    locked = Grant.objects.select_for_update(of=("self",)).select_related(*related)
    found = locked.filter(pk__in=others).order_by("pk")
    return [grant, *(each for each in found if not is_over(each, now))]


def lock_lasting(given: QuerySet[Grant], now: datetime) -> list[Grant]:
    """Lock these grants and those of their lines, and return the ones that aren't over."""
    keys = list(given.order_by("pk").values_list("pk", flat=True))
    lock_lines(keys)
    lines = [lock_line(grant, now) for key in keys if (grant := lock_grant(key))]
    return [grant for line in lines for grant in line if not is_over(grant, now)]
