"""List a person's own grants: those they hold, and those they joined as a member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from portal.access.grants.status_badges import state_for
from portal.access.lifecycle import End, end_of
from portal.access.models import Grant, Membership
from portal.access.policy.covered import covered_repos
from portal.access.querysets import GrantQuerySet
from portal.access.requests.form.answers import modes_label
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import short_date

RELATED = ("repo__namespace", "collection__namespace", "acceptance__licence_version__licence")


@dataclass(frozen=True)
class ListedGrant:
    """A grant in the list of whoever works under it; ``mine``: they hold it; ``end``: if over."""

    grant: Grant
    state: StatusBadge
    modes: str
    mine: bool
    repos: list[ModelRepo]
    end: End | None

    @property
    def until(self) -> str:
        """Say until when it opens the model, or when that ended."""
        if self.end is not None:
            return _("ended %(end)s") % {"end": short_date(self.end.at)}
        return _("until %(end)s") % {"end": short_date(self.grant.ends_at)}


def grants_of(person: User, now: datetime) -> GrantQuerySet[Grant]:
    """Select all that the person holds or joined and knows of, the newest first."""
    grants: GrantQuerySet[Grant] = Grant.objects.usable_by(person).told(now)
    return grants.select_related(*RELATED).prefetch_related("coverage__repo__namespace")


def grants_open_to(person: User, now: datetime) -> GrantQuerySet[Grant]:
    """Select those that open a model now."""
    open_now: GrantQuerySet[Grant] = grants_of(person, now).active_at(now)
    return open_now


def listed(grants: Sequence[Grant], person: User, now: datetime) -> list[ListedGrant]:
    """Return a row for each grant, in the same order, in one query for all of them."""
    keys = [grant.pk for grant in grants]
    checked = Membership.objects.held().filter(person=person, grant__in=keys)
    by_grant = {membership.grant_id: membership for membership in checked}
    return [
        ListedGrant(
            grant,
            state_for(grant, by_grant.get(grant.pk), now),
            modes_label(grant.modes),
            grant.person_id == person.pk,
            covered_repos(grant),
            end_of(grant, now),
        )
        for grant in grants
    ]
