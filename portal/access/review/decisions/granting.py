"""Give what a decision approved: grants or offers to sign, from when nobody can undo it.

There is one for each licence that the given models stand under, since notices, newer texts and
renewals go by one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.access.grants.activation import cover, start_grant
from portal.access.grants.audit.facts import facts_of, told_of_start
from portal.access.letters import checks
from portal.access.letters import decisions as letters
from portal.access.lifecycle import lapse_of
from portal.access.models import Acceptance, Decision, Grant, Screening
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.approval_terms import ApprovalTerms, models_given
from portal.access.requests.narrowing import ModelTerms
from portal.access.requests.texts_to_sign import group_by_licence
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.catalog.services.licences import require_version_in_force


@dataclass(frozen=True)
class GivenGrant:
    """A grant of a decision: what it covers of a collection, and the text in force for it."""

    grant: Grant
    models: Sequence[ModelTerms]
    in_force: LicenceVersion
    screening: Screening | None = None

    @property
    def is_offer(self) -> bool:
        return self.screening is None


def give_grants(decision: Decision, terms: ApprovalTerms, now: datetime) -> list[Grant]:
    """Create the grants of an approval, one for each licence, and queue their letters.

    One begins under the signed text, or can be signed if another licence version is in force by
    now, or if conditions were added: the applicant has agreed to neither. Quotas are no terms, so
    they wait for no signature. Either waits until the decision can't be undone any more. A
    sanctions list may name the applicant only since the submission, so the start of a grant screens
    again; it is then held until that is cleared.
    """
    made_grants = [_give(planned, decision, now) for planned in _planned(decision, terms, now)]
    _tell(decision, made_grants, now)
    for made in made_grants:
        _record(made, decision, now)
    return [made.grant for made in made_grants]


def _planned(decision: Decision, terms: ApprovalTerms, now: datetime) -> list[GivenGrant]:
    access_request = decision.request
    models = {model.repo: model for model in models_given(access_request, terms)}
    groups = group_by_licence(access_request.repo, models or [access_request.repo])
    return [_plan(decision, terms, group, models, now) for group in groups]


def _plan(
    decision: Decision,
    terms: ApprovalTerms,
    group: Sequence[ModelRepo],
    models: Mapping[ModelRepo, ModelTerms],
    now: datetime,
) -> GivenGrant:
    """Return the unsaved grant of one licence, with what it covers."""
    covered = [models[repo] for repo in group if repo in models]
    modes = {mode for model in covered for mode in model.modes} or set(terms.modes)
    in_force = require_version_in_force(group[0], now=now)
    return GivenGrant(_unsaved(decision, terms, sorted(modes)), covered, in_force)


def _unsaved(decision: Decision, terms: ApprovalTerms, modes: list[str]) -> Grant:
    access_request = decision.request
    return Grant(
        repo=access_request.repo,
        collection=access_request.collection,
        person=access_request.applicant,
        decision=decision,
        modes=modes,
        conditions=terms.conditions.stored(),
        quotas=terms.quotas.stored(),
        expires_at=terms.expires_at,
    )


def _give(planned: GivenGrant, decision: Decision, now: datetime) -> GivenGrant:
    """Save a grant as begun under its signed text, or else as an offer."""
    grant, models = planned.grant, planned.models
    signed = _signed(decision, planned.in_force)
    is_narrowed = bool(grant.conditions) or any(model.conditions.stored() for model in models)
    if signed is None or is_narrowed:
        offer_days = timedelta(days=settings_of(grant.repo).offer_days)
        grant.offered_at = decision.undo_until
        grant.offer_expires_at = lapse_of(
            grant.expires_at, offered_for=offer_days, now=grant.offered_at
        )
        grant.save()
        cover(grant, models, now)  # it opens nothing before the offer is signed
        return planned
    grant.acceptance = signed
    screening = start_grant(
        grant, actor=decision.decided_by, now=now, at=decision.undo_until, covering=models
    )
    return replace(planned, screening=screening)


def _signed(decision: Decision, version: LicenceVersion) -> Acceptance | None:
    """Return the signature of this very text that came with the request."""
    acceptances = decision.submission.acceptances
    return next((row for row in acceptances if row.licence_version_id == version.pk), None)


def _tell(decision: Decision, made_grants: Sequence[GivenGrant], now: datetime) -> None:
    """Queue a letter on what is open, one on what is checked first, and one on what is to sign."""
    access_request = decision.request
    begun = [made.grant for made in made_grants if made.screening and not made.grant.is_held]
    if begun:
        letters.send_approval(access_request, begun, now=now)
    checked = [made.screening for made in made_grants if made.screening and made.grant.is_held]
    if checked:
        letters.send_approval_check(access_request, checked[0], now=now)
    for screening in checked:
        checks.tell_team(screening, now=now)
    offers = [(made.grant, made.in_force) for made in made_grants if made.is_offer]
    if offers:
        letters.send_offer(access_request, offers, now=now)


def _record(made: GivenGrant, decision: Decision, now: datetime) -> None:
    event, facts = EventType.GRANT_OFFERED, facts_of(made.grant)
    if made.screening is not None:
        event, facts = told_of_start(made.grant, made.screening, EventType.GRANT_MADE)
    record(event, actor=decision.decided_by, target=made.grant, at=now, **facts)
