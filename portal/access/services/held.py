"""A grant as its holder or administrator takes hold of it: locked until the transaction ends."""

from __future__ import annotations

from datetime import datetime

from portal.access.errors import GrantNotFound
from portal.access.models import Grant
from portal.access.policy import may
from portal.access.verdicts import Action
from portal.accounts.models import User
from portal.errors import Forbidden


def lock_grant(grant_id: int) -> Grant | None:
    """The grant with its names. The first of its line is locked before it, so that whoever ends a
    line and whoever makes it longer wait for each other."""
    Grant.objects.select_for_update().filter(pk=_first_of_line(grant_id)).first()
    locked = Grant.objects.select_for_update(of=("self",))
    related = ("repo__namespace", "person", "acceptance__licence_version__licence")
    found: Grant | None = locked.select_related(*related).filter(pk=grant_id).first()
    return found


def _first_of_line(grant_id: int) -> int:
    """Parents never change, so this may be read without a lock."""
    parents = Grant.objects.values_list("parent", flat=True)
    while (parent := parents.filter(pk=grant_id).first()) is not None:
        grant_id = parent
    return grant_id


def lock_own(holder: User, grant_id: int) -> Grant:
    """The holder's own grant; anybody else's is not there."""
    grant = lock_grant(grant_id)
    if grant is None or grant.person_id != holder.pk:
        raise GrantNotFound
    return grant


def lock_administered(actor: User, grant_id: int, now: datetime) -> Grant:
    """Raises GrantNotFound where the repo may not be known, Forbidden where it isn’t theirs."""
    grant = lock_grant(grant_id)
    if grant is None or not may(actor, Action.SEE, grant.repo, now).allowed:
        raise GrantNotFound
    if not may(actor, Action.ADMINISTER, grant.repo, now).allowed:
        raise Forbidden("Only the people who administer this model may end a grant.")
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
    locked = Grant.objects.select_for_update(of=("self",)).select_related("repo__namespace")
    found = locked.filter(pk__in=others).order_by("pk")
    return [grant, *(each for each in found if not is_over(each, now))]


def is_over(grant: Grant, now: datetime) -> bool:
    """Ended in whatever way. What has not begun is not over."""
    ended = grant.revoked_at is not None or grant.closed_at is not None
    return ended or ends_at(grant) <= now


def ends_at(grant: Grant) -> datetime:
    """When it ends by itself: at its term, or earlier by notice."""
    if grant.ends_by_notice_at is None:
        return grant.expires_at
    return min(grant.expires_at, grant.ends_by_notice_at)
