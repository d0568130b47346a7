"""Sign a newer text of the licence, and keep access under it until the same end."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.errors import GrantIsOver
from portal.access.grants.activation import (
    carried,
    require_admissible_to,
    start_grant,
)
from portal.access.grants.audit.facts import told_of_start
from portal.access.grants.locks import line_of, lock_own
from portal.access.grants.members.membership import carry_members
from portal.access.letters import checks
from portal.access.letters import grants as letters
from portal.access.lifecycle import has_begun, is_over, is_unended, is_within_term
from portal.access.models import Grant
from portal.access.policy.covered import covered_repos, licensed_repo
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.services.licences import require_version_in_force


def can_sign_newer(grant: Grant, now: datetime) -> bool:
    """Tell whether the holder may sign the text in force, to keep access until the term ends."""
    if grant.starts_at is None or grant.is_held or not is_within_term(grant, now):
        return False
    if not all(map(is_unended, line_of(grant))):
        return False
    current = require_version_in_force(licensed_repo(grant), now=now).sha256
    return _under_text(grant, current, now) is None


def _under_text(grant: Grant, text_sha256: str, now: datetime) -> Grant | None:
    """Find the grant of the line that began under a text, or is held for a check under it."""
    for relative in line_of(grant):
        signed = relative.acceptance.text_sha256 if relative.acceptance else ""
        begun = relative.is_held or has_begun(relative, now)
        if signed == text_sha256 and begun and is_within_term(relative, now):
            return relative
    return None


@transaction.atomic
def sign_newer_version(
    *, person: User, grant_id: int, signature: Signature, now: datetime
) -> Grant:
    """Make a grant under the text in force, with the same end; a notice no longer ends access.

    The old grant stays as it was, so that its members keep access until the notice's day. Signing
    again returns the same grant. Raise GrantIsOver where there is nothing to sign.
    """
    grant = lock_own(person, grant_id, now)
    if signed := _under_text(grant, signature.text_sha256, now):
        return signed
    if not can_sign_newer(grant, now):
        raise GrantIsOver(_why_not_newer(grant, now))
    require_admissible_to(person, covered_repos(grant), now)
    acceptance = store_acceptance(
        signer=person,
        version=require_version_in_force(licensed_repo(grant), now=now),
        signature=signature,
        now=now,
    )
    # The last of the line, since a renewal may have been granted for the time after this grant.
    last = line_of(grant)[-1]
    newer = Grant(
        repo=grant.repo,
        collection=grant.collection,
        person=person,
        acceptance=acceptance,
        parent=last,
        modes=grant.modes,
        conditions=grant.conditions,
        quotas=grant.quotas,
        expires_at=last.expires_at,
    )
    screening = start_grant(newer, actor=person, now=now, covering=carried(last))
    carry_members(grant, newer, now)
    if newer.is_held:
        checks.send_extra_check(newer, screening, now=now)
    else:
        letters.send_activation(newer, now=now)
    event, facts = told_of_start(newer, screening, EventType.GRANT_RENEWED)
    record(event, actor=person, target=newer, at=now, **facts)
    return newer


def _why_not_newer(grant: Grant, now: datetime) -> str:
    if grant.is_offer:
        return _("This is an offer: sign its terms on its page.")
    if grant.is_held:
        return _(
            "A person on our team checks this access first. We write to you once that is done."
        )
    if is_over(grant, now):
        return _("This grant has ended, so no newer text can be signed for it. You may ask again.")
    return _("Nothing to sign: you go on under the newest text already.")
