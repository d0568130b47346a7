"""Gather the page of a grant, for its holder, its members and the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal.access.errors import GrantNotFound
from portal.access.grants.locks import line_of
from portal.access.grants.members.membership import cap_of, is_shareable
from portal.access.grants.newer_text import can_sign_newer
from portal.access.grants.quotas.changing import require_may_change
from portal.access.grants.renewals import is_renewable, opens_at, reviews
from portal.access.grants.status_badges import conditions_in_words, delivery_state, state_for
from portal.access.letters.mailer import grant_keys
from portal.access.lifecycle import (
    end_of,
    is_active,
    is_closed,
    is_offered,
    is_revoked,
    is_told,
    is_under_notice,
    is_unended,
)
from portal.access.models import Grant, Hold, Membership, Screening
from portal.access.policy.covered import (
    covered_models,
    covered_repos,
    quotas_in_words,
    quotas_of,
)
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.access.policy.quotas import SILENT
from portal.access.requests.form.answers import modes_label
from portal.access.requests.licence_text import in_short
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.models import Mode, ModelRepo
from portal.errors import DomainError
from portal.outbox.models import OutboxMessage

RELATED = (
    "repo__namespace",
    "repo__licence",
    "collection__namespace",
    "person",
    "acceptance__licence_version__licence",
    "parent",
    "decision",
)

BINDING = ("must", "must_not")  # the parts of a licence's summary that outlast the grant


@dataclass(frozen=True)
class Seen:
    """A grant with the reader's relation to it; ``mine``: they hold it."""

    grant: Grant
    mine: bool
    membership: Membership | None
    may_review: bool
    may_administer: bool
    may_set_quotas: bool = False

    @property
    def is_by_team(self) -> bool:
        """Tell whether the reader has no part in the grant but to review it."""
        return not (self.mine or self.membership)


def seen_by(person: User, grant_id: int, now: datetime) -> Seen:
    """Return a grant to its holder, its members or the team; raise GrantNotFound to others."""
    grant: Grant | None = Grant.objects.select_related(*RELATED).filter(pk=grant_id).first()
    if grant is None:
        raise GrantNotFound
    signed = Membership.objects.standing().filter(joined_at__isnull=False)
    membership = signed.filter(grant=grant, person=person).first()
    is_own = grant.person_id == person.pk and is_told(grant, now)
    administers = may(person, Action.ADMINISTER, grant.repo, now).allowed
    may_review = administers or any(reviews(person, repo) for repo in _repos_of(grant))
    if not (is_own or membership or may_review):
        raise GrantNotFound
    # Nobody acts for the team on a grant of their own.
    is_anothers = grant.person_id != person.pk
    return Seen(
        grant,
        is_own,
        membership,
        may_review and is_anothers,
        administers and is_anothers,
        may_review and _may_set_quotas(person, grant, now),
    )


def _may_set_quotas(person: User, grant: Grant, now: datetime) -> bool:
    try:
        require_may_change(person, grant, now)
    except DomainError:
        return False
    return True


def _repos_of(grant: Grant) -> list[ModelRepo]:
    """Return the repos whose teams may read a grant: the one that leads it, and those covered."""
    return list(dict.fromkeys([grant.repo, *covered_repos(grant)]))


def grant_context(seen: Seen, now: datetime) -> dict[str, Any]:
    grant = seen.grant
    end = end_of(grant, now)
    over = end is not None
    version = grant.acceptance.licence_version if grant.acceptance else None
    two_people = settings_of(grant.repo).two_person_revocation
    proposed = grant.revocation_proposed_at is not None
    return {
        "seen": seen,
        "grant": grant,
        "repo": grant.repo,
        "state": state_for(grant, seen.membership, now),
        "modes": modes_label(grant.modes),
        "conditions": conditions_in_words(grant),
        "quotas": quotas_in_words(grant),
        "quotas_in_force": quotas_of(grant) if Mode.INFERENCE in grant.modes else SILENT,
        "models": covered_models(grant),
        "version": version,
        "offered": is_offered(grant, now),
        "active": is_active(grant, now),
        "over": over,
        "until": end.at if end else grant.ends_at,
        "revoked": is_revoked(grant),
        "noticed": is_under_notice(grant) and is_unended(grant),
        "duties": in_short(version, BINDING) if over and version else [],
        "hold": _hold(grant, now),
        "can_renew": seen.mine and is_renewable(grant, now),
        "renewal_opens_at": opens_at(grant),
        "open_renewal": grant.renewals.filter(decided_at=None).first(),
        "can_sign_newer": seen.mine and can_sign_newer(grant, now),
        "can_close": seen.mine and not grant.is_offer and not is_closed(grant),
        "check": open_check(grant, now),
        "line": [relative for relative in line_of(grant) if relative.pk != grant.pk],
        "shareable": is_shareable(grant),
        "member_count": Membership.objects.standing().filter(grant=grant).count(),
        "member_cap": cap_of(grant) if is_shareable(grant) else 0,
        "letters": _letters(grant, now) if seen.mine or seen.may_review else [],
        "two_people": two_people,
        "end_verb": _("Propose to end it") if two_people and not proposed else _("End access now"),
        "now": now,
    }


def open_check(grant: Grant, now: datetime) -> Screening | None:
    """Find the open check of the grant's holder, who has a screening hit to be cleared."""
    screening: Screening | None = grant.screenings.open_at(now).order_by("pk").last()
    return screening


def _hold(grant: Grant, now: datetime) -> Hold | None:
    """Find a hold that stops the holder here. A hold on a revision stops that revision alone."""
    hold: Hold | None = Hold.objects.on(grant.person, grant.repo, None, now).first()
    return hold


def _letters(grant: Grant, now: datetime) -> list[tuple[OutboxMessage, StatusBadge]]:
    """List the letters on a grant, each with a mark that says whether it was delivered."""
    sent: QuerySet[OutboxMessage] = OutboxMessage.objects.filter(
        key__startswith=grant_keys(grant), recipient=grant.person_id
    )
    letters = sent.order_by("created_at", "pk")
    return [(message, delivery_state(message, now)) for message in letters]
