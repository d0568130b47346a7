"""An offer: the lab's terms, which open the model once the person has signed them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.urls import reverse

from portal.access.errors import GrantIsOver, OfferLapsed
from portal.access.facts import facts_of
from portal.access.letters import grants as letters
from portal.access.models import Grant
from portal.access.refusals import whole_date
from portal.access.services.held import lock_own
from portal.access.services.signing import Signature, licence_in_force, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record

DECLINED = "The offer was declined."


def require_open(grant: Grant, now: datetime) -> None:
    """Raises GrantIsOver or OfferLapsed, each with what to do."""
    repo = grant.repo
    again = reverse("access:start", args=[repo.namespace.name, repo.name])
    if grant.revoked_at is not None:
        raise GrantIsOver("The lab took this offer back. Its letter says why.", help_url=again)
    if grant.closed_at is not None:
        raise GrantIsOver("You declined this offer. You may ask again at any time.", help_url=again)
    lapsed_at = min(grant.offer_expires_at or grant.expires_at, grant.expires_at)
    if lapsed_at <= now:
        raise OfferLapsed(
            f"This offer lapsed on {whole_date(lapsed_at)}. Ask again: your answers are kept, and "
            "the team can offer it anew.",
            help_url=again,
        )


@transaction.atomic
def accept_offer(*, person: User, grant_id: int, signature: Signature, now: datetime) -> Grant:
    """Sign the text in force: the grant begins now. Accepting again changes nothing."""
    grant = lock_own(person, grant_id)
    if grant.starts_at is not None:
        return grant
    require_open(grant, now)
    grant.acceptance = store_acceptance(
        person=person, version=licence_in_force(grant.repo, now=now), signature=signature, now=now
    )
    grant.starts_at = now
    grant.save(update_fields=["acceptance", "starts_at"])
    letters.send_activation(grant, now=now)
    record(EventType.GRANT_ACTIVATED, actor=person, target=grant, at=now, **facts_of(grant))
    return grant


@transaction.atomic
def decline_offer(*, person: User, grant_id: int, now: datetime) -> Grant:
    """Turn the terms down; nothing was opened. Declining again changes nothing."""
    grant = lock_own(person, grant_id)
    if grant.starts_at is not None:
        raise GrantIsOver("You accepted this offer already. You can close the grant on its page.")
    if grant.closeout == DECLINED:
        return grant
    require_open(grant, now)
    grant.closed_at, grant.closeout = now, DECLINED
    grant.save(update_fields=["closed_at", "closeout"])
    letters.send_offer_declined(grant, now=now)
    record(EventType.GRANT_OFFER_DECLINED, actor=person, target=grant, at=now)
    return grant
