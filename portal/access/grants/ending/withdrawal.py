"""Withdraw a proposed revocation, or a notice before the day on which it takes effect."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.audit.facts import stamp
from portal.access.grants.ending.revocation import repo_to_give_notice_in
from portal.access.grants.locks import lock_administered, lock_grant, lock_lines
from portal.access.letters import grants as letters
from portal.access.lifecycle import is_over, is_revoked
from portal.access.models import Grant
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors


@transaction.atomic
def withdraw_proposal(*, actor: User, grant_id: int, now: datetime) -> Grant:
    """Withdraw a proposed revocation, as the proposer or an administrator of the model.

    No letter is sent, since the holder wasn't told of the proposal. Withdrawing again changes
    nothing.
    """
    grant = _proposed(actor, grant_id, now)
    if is_revoked(grant):
        raise GrantIsOver("A second person confirmed it meanwhile: the access is ended.")
    if grant.revocation_proposed_at is None:
        return grant
    by, at = grant.revocation_proposed_by_id, grant.revocation_proposed_at
    grant.revocation_proposed_by = grant.revocation_proposed_at = None
    grant.revocation_reason = ""
    changed = ["revocation_proposed_by", "revocation_proposed_at", "revocation_reason"]
    grant.save(update_fields=changed)
    record(
        EventType.GRANT_REVOCATION_WITHDRAWN,
        actor=actor,
        target=grant,
        at=now,
        proposed_by=by,
        proposed_at=stamp(at),
    )
    return grant


def _proposed(actor: User, grant_id: int, now: datetime) -> Grant:
    """Lock the grant, for its proposer or an administrator; raise GrantNotFound or Forbidden."""
    grant = lock_grant(grant_id)
    # Whoever proposed it may have left the team since, and may still withdraw their own proposal.
    if grant is not None and grant.revocation_proposed_by_id == actor.pk:
        if not may(actor, Action.SEE, grant.repo, now).allowed:
            raise GrantNotFound
        return grant
    return lock_administered(actor, grant_id, now)


@transaction.atomic
def withdraw_notice(
    *,
    actor: User,
    repo_id: int,
    now: datetime,
    licence_version_id: int | None = None,
    grant_ids: Collection[int] = (),
) -> list[Grant]:
    """Withdraw the notice of grants under one licence version, or of the named grants.

    Each holder gets a letter. Grants that are under no notice, or have ended otherwise, are left
    as they are. Raise GrantIsOver where the notice of a named grant has taken effect already.
    """
    repo = repo_to_give_notice_in(actor, repo_id, now)
    if not (licence_version_id or grant_ids):
        raise FieldErrors({"licence_version_id": "Choose the licence version, or name the grants."})
    meant = Q(pk__in=grant_ids) | Q(acceptance__licence_version=licence_version_id)
    under_notice = Grant.objects.under_notice().unended().filter(meant, repo=repo)
    lock_lines(list(under_notice.values_list("pk", flat=True)))
    related = ("repo__namespace", "person", "acceptance__licence_version__licence")
    locked = (
        under_notice.select_for_update(of=("self",), no_key=True)
        .select_related(*related)
        .order_by("pk")
    )
    noticed = list(locked)
    if any(grant.pk in grant_ids and is_over(grant, now) for grant in noticed):
        raise GrantIsOver("A notice has ended this grant already. Its holder may ask anew.")
    grants = [grant for grant in noticed if not is_over(grant, now)]
    for grant in grants:
        ended_on, grant.ends_by_notice_at, grant.notice_reason = grant.ends_by_notice_at, None, ""
        grant.save(update_fields=["ends_by_notice_at", "notice_reason"])
        letters.send_notice_withdrawn(grant, was=ended_on or now, now=now)
        record(
            EventType.GRANT_NOTICE_WITHDRAWN,
            actor=actor,
            target=grant,
            at=now,
            was=stamp(ended_on),
        )
    return grants
