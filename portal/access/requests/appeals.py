"""Appeal a declined request, once: people who didn't take the decision look at it anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.letters import requests as letters
from portal.access.letters.team import requests as team
from portal.access.models import AccessRequest, Appeal, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.reopening import RESTARTED, require_no_other_open, restart
from portal.access.requests.voting import void_votes
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import Conflict
from portal.parsing.texts import require_text


def appealable_until(access_request: AccessRequest) -> datetime | None:
    """Return until when the request can be appealed, or None if it can't be or was already."""
    decision = _declining_decision(access_request)
    if decision is None or Appeal.objects.filter(request=access_request).exists():
        return None
    return decision.undo_until + timedelta(days=settings_of(access_request.repo).appeal_days)


def _declining_decision(access_request: AccessRequest) -> Decision | None:
    """Return the decision by which the request is declined now, or None."""
    declined = access_request.decisions.standing().filter(verdict=Decision.Verdict.DECLINED)
    return declined.last() if access_request.state == AccessRequest.State.DECLINED else None


@transaction.atomic
def appeal_request(*, applicant: User, request_id: int, text: str, now: datetime) -> AccessRequest:
    """Put a declined request back into review, all its votes voided.

    Raise Conflict if it was appealed before, or too late. Those who decided have a conflict of
    interest from now on (``policy.conflicts``), so others vote.
    """
    access_request = locked_request(applicant, request_id, RequestAction.APPEAL, now)
    require_no_other_open(access_request)
    decision, until = _declining_decision(access_request), appealable_until(access_request)
    if decision is None or until is None:
        raise Conflict(
            _("A request can be appealed once, and this one was. You may make a new one.")
        )
    if now > until:
        raise Conflict(
            _("The time to appeal is over. You may correct your request and submit it again.")
        )
    text = require_text(text, "text", missing=_("Say what the decision overlooked."))
    Appeal.objects.create(request=access_request, decision=decision, text=text, filed_at=now)
    voided = void_votes(access_request.reviews.all(), "The decision was appealed", now)
    access_request.move_to(AccessRequest.State.IN_REVIEW)
    due_at = restart(access_request, now)
    access_request.save(update_fields=[*AccessRequest.STATE_FIELDS, *RESTARTED])
    letters.send_appeal(access_request, now=now)
    team.tell_appealed(access_request, now=now)
    record(
        EventType.REQUEST_APPEALED,
        actor=applicant,
        target=access_request,
        at=now,
        decision=decision.pk,
        votes_voided=voided,
        due_at=due_at.isoformat(),
    )
    return access_request
