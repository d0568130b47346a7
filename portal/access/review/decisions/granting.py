"""Give what a decision approved: a grant that is active at once, or an offer to sign."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal.access.grants.activation import start_grant
from portal.access.grants.audit.facts import facts_of, told_of_start
from portal.access.letters import checks
from portal.access.letters import decisions as letters
from portal.access.lifecycle import lapse_of
from portal.access.models import AccessRequest, Decision, Grant
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.approval_terms import ApprovalTerms
from portal.audit.events import EventType
from portal.catalog.models import LicenceVersion
from portal.catalog.services.licences import require_version_in_force


def give_grant(
    decision: Decision, terms: ApprovalTerms, now: datetime
) -> tuple[Grant, EventType, dict[str, Any]]:
    """Create the grant of an approval and queue its mail. Return it with its event and facts.

    It is active under the signed text, or offered for signing if another licence version is in
    force by now, or if conditions were added: the applicant has agreed to neither. A sanctions list
    may name the applicant only since the submission, so the start of a grant screens again; the
    grant is then held until that is cleared.
    """
    access_request, signed = decision.request, decision.submission.acceptance
    grant = Grant(
        repo=access_request.repo,
        person=access_request.applicant,
        decision=decision,
        modes=list(terms.modes),
        conditions=terms.conditions.stored(),
        expires_at=terms.expires_at,
    )
    in_force = require_version_in_force(access_request.repo, now=now)
    if signed.licence_version_id != in_force.pk or grant.conditions:
        return grant, *_offer(access_request, grant, in_force, now)
    grant.acceptance = signed
    screening = start_grant(grant, actor=decision.decided_by, now=now)
    if grant.is_held:
        letters.send_approval_check(access_request, grant, screening, now=now)
        checks.tell_team(screening, now=now)
    else:
        letters.send_approval(access_request, grant, now=now)
    return grant, *told_of_start(grant, screening, EventType.GRANT_MADE)


def _offer(
    access_request: AccessRequest, grant: Grant, in_force: LicenceVersion, now: datetime
) -> tuple[EventType, dict[str, Any]]:
    offer_days = timedelta(days=settings_of(access_request.repo).offer_days)
    grant.offered_at = now
    grant.offer_expires_at = lapse_of(grant.expires_at, offered_for=offer_days, now=now)
    grant.save()
    letters.send_offer(access_request, grant, in_force, now=now)
    return EventType.GRANT_OFFERED, facts_of(grant)
