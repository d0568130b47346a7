"""Offer access on the lab's terms, which open the model once the person has signed them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.access.errors import ConflictOfInterest, GrantIsOver, GrantNotFound, OfferLapsed
from portal.access.grants.activation import (
    require_admissible_to,
    require_not_held,
    start_grant,
)
from portal.access.grants.audit.facts import facts_of, told_of_start
from portal.access.grants.ending.end import Cause, end_grants
from portal.access.grants.locks import lock_own
from portal.access.grants.offer_votes import agreed_offer
from portal.access.letters import checks
from portal.access.letters import grants as letters
from portal.access.lifecycle import Status, end_of, is_closed, lapse_of
from portal.access.models import Grant
from portal.access.policy.administering import require_administers
from portal.access.policy.conditions import Conditions
from portal.access.policy.conflicts import require_no_conflict_with
from portal.access.policy.covered import covered_repos, licensed_repo
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.approval_terms import (
    LONGEST_GRANT,
    OUT_OF_BOUNDS,
    ApprovalTerms,
    check_conditions_on,
)
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Mode, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.errors import FieldErrors
from portal.formatting import whole_date

DECLINED = "The offer was declined."


@transaction.atomic
def offer_grant(
    *,
    actor: User,
    person_id: int,
    repo_id: int,
    modes: Collection[str],
    expires_at: datetime,
    now: datetime,
    conditions: Conditions | None = None,
) -> Grant | None:
    """Offer a person access that they didn't ask for. It opens nothing until they have signed.

    Where the gate wants several votes, each call is one vote: return None while votes are missing,
    then make the offer on the narrowest of their terms. An open offer to the same person on this
    repo is returned as it is.
    """
    repo: ModelRepo | None = ModelRepo.objects.with_names().filter(pk=repo_id).first()
    # The lock on the person counts votes one after another, and lets two offers at once be one.
    person = (
        User.objects.select_for_update(no_key=True).filter(pk=person_id, is_active=True).first()
    )
    if repo is None or person is None:
        raise GrantNotFound
    require_administers(actor, repo, now, unknown=GrantNotFound(), what="offer it")
    if person.pk == actor.pk:
        raise ConflictOfInterest("You can’t offer access to yourself.")
    require_no_conflict_with(actor, person, now)
    if standing := Grant.objects.to(person, repo).offered_at(now).first():
        return standing
    require_not_held(person, repo, now, actor=actor)
    terms = ApprovalTerms(tuple(sorted(set(modes))), expires_at, conditions or Conditions())
    _check_terms(repo, terms, now)
    agreed = agreed_offer(voter=actor, person=person, repo=repo, terms=terms, now=now)
    if agreed is None:
        facts = {"person": person.pk}
        record(EventType.GRANT_OFFER_VOTED, actor=actor, target=repo, at=now, **facts)
        return None
    grant = _offer(person, repo, agreed, now)
    letters.send_offered(grant, now=now)
    record(EventType.GRANT_OFFERED, actor=actor, target=grant, at=now, **facts_of(grant))
    return grant


def _offer(person: User, repo: ModelRepo, terms: ApprovalTerms, now: datetime) -> Grant:
    offer_days = timedelta(days=settings_of(repo).offer_days)
    return Grant.objects.create(
        repo=repo,
        person=person,
        modes=list(terms.modes),
        conditions=terms.conditions.stored(),
        offered_at=now,
        offer_expires_at=lapse_of(terms.expires_at, offered_for=offer_days, now=now),
        expires_at=terms.expires_at,
    )


def _check_terms(repo: ModelRepo, terms: ApprovalTerms, now: datetime) -> None:
    check_conditions_on(repo, terms.conditions)
    errors: dict[str, str] = {}
    if not terms.modes or not set(terms.modes) <= set(Mode.values):
        errors["modes"] = "Choose at least one kind of access to offer."
    if not now < terms.expires_at <= now + LONGEST_GRANT:
        errors["expires_at"] = OUT_OF_BOUNDS
    if errors:
        raise FieldErrors(errors)


def require_open(grant: Grant, now: datetime) -> None:
    """Raise GrantIsOver or OfferLapsed, each with what to do, where an offer can't be signed."""
    repo = grant.repo
    again = reverse("access:start", args=[repo.namespace.name, repo.name])
    end = end_of(grant, now)
    if end is None:
        return
    if end.cause == Status.TAKEN_BACK:
        raise GrantIsOver(_("The lab took this offer back. Its letter says why."), help_url=again)
    if end.cause == Status.DECLINED:
        raise GrantIsOver(
            _("You declined this offer. You may ask again at any time."), help_url=again
        )
    raise OfferLapsed(
        _(
            "This offer lapsed on %(end)s. Ask again: your answers are kept, and the team can "
            "offer it anew."
        )
        % {"end": whole_date(end.at)},
        help_url=again,
    )


@transaction.atomic
def accept_offer(*, person: User, grant_id: int, signature: Signature, now: datetime) -> Grant:
    """Sign an offer's licence, so that the grant begins. Accepting again changes nothing.

    Where screening has a hit, it begins once the team has cleared it.
    """
    grant = lock_own(person, grant_id, now)
    if not grant.is_offer:
        return grant
    # A lapsed offer is told before a missing proof of an address, which wouldn't help any more.
    require_open(grant, now)
    require_admissible_to(person, covered_repos(grant), now)
    grant.acceptance = store_acceptance(
        signer=person,
        version=require_version_in_force(licensed_repo(grant), now=now),
        signature=signature,
        now=now,
    )
    screening = start_grant(grant, actor=person, now=now)
    if grant.is_held:
        checks.send_extra_check(grant, screening, now=now)
    else:
        letters.send_activation(grant, now=now)
    event, facts = told_of_start(grant, screening, EventType.GRANT_ACTIVATED)
    record(event, actor=person, target=grant, at=now, **facts)
    return grant


@transaction.atomic
def decline_offer(*, person: User, grant_id: int, now: datetime) -> Grant:
    """Decline an offer, which has opened nothing. Declining again changes nothing."""
    grant = lock_own(person, grant_id, now)
    if not grant.is_offer:
        raise GrantIsOver(
            _("You accepted this offer already. You can close the grant on its page.")
        )
    if is_closed(grant):
        return grant
    require_open(grant, now)
    end_grants([grant], Cause.DECLINED, actor=person, reason=DECLINED, now=now)
    letters.send_offer_declined(grant, now=now)
    return grant
