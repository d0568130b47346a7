"""Grants that need no review, and the end of any."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from portal.access.errors import EmailNotVerified, EndedByTheLab, RequestNotFound
from portal.access.letters import grants as letters
from portal.access.models import Grant
from portal.access.policy import may
from portal.access.services.signing import Signature, licence_in_force, store_acceptance
from portal.access.verdicts import Action
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.errors import Conflict, FieldErrors, Forbidden


def require_not_ended(person: User, repo: ModelRepo) -> None:
    """What the lab ended, the person can't reopen alone."""
    latest = Grant.objects.to(person, repo).first()
    if latest is not None and latest.revoked_at is not None:
        raise EndedByTheLab(repo.full_name)


@transaction.atomic
def sign_for_grant(*, person: User, repo_id: int, signature: Signature, now: datetime) -> Grant:
    """On the licence gate a signature opens at once the modes that stand behind it."""
    User.objects.select_for_update().get(pk=person.pk)
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    modes = [str(mode) for mode in Mode if repo.gate(mode) == Gate.LICENCE]
    if not modes:
        raise Conflict("A signature alone doesn’t open this model. Its page says what does.")
    if not person.has_verified_email:
        raise EmailNotVerified
    active = Grant.objects.to(person, repo).active_at(now).filter(modes__contains=modes).first()
    if active:
        return active
    require_not_ended(person, repo)
    acceptance = store_acceptance(
        person=person, version=licence_in_force(repo, now=now), signature=signature, now=now
    )
    grant = Grant.objects.create(
        repo=repo,
        person=person,
        acceptance=acceptance,
        modes=modes,
        starts_at=now,
        expires_at=now + timedelta(days=settings.GRANT_DAYS),
    )
    record(
        EventType.GRANT_MADE,
        actor=person,
        target=grant,
        at=now,
        person=person.pk,
        repo=repo.pk,
        modes=modes,
        expires_at=grant.expires_at.isoformat(),
        licence_sha256=acceptance.text_sha256,
    )
    return grant


@transaction.atomic
def revoke_grant(*, actor: User, grant_id: int, reason: str, now: datetime) -> Grant:
    """End a grant at once, with notice. Ending it again changes nothing."""
    locked = Grant.objects.select_for_update(of=("self",))
    grant = (
        locked.select_related("repo__namespace", "person", "acceptance").filter(pk=grant_id).first()
    )
    if grant is None or not may(actor, Action.SEE, grant.repo, now).allowed:
        raise RequestNotFound
    if not may(actor, Action.ADMINISTER, grant.repo, now).allowed:
        raise Forbidden("Only the people who administer this model may end a grant.")
    if grant.revoked_at is not None:
        return grant
    if not reason.strip():
        raise FieldErrors({"reason": "Say why; the notice quotes it."})
    grant.revoked_at, grant.revoked_by = now, actor
    grant.revocation_reason = reason.strip()
    grant.save(update_fields=["revoked_at", "revoked_by", "revocation_reason"])
    letters.send_revocation(grant, reason=grant.revocation_reason, now=now)
    record(EventType.GRANT_REVOKED, actor=actor, target=grant, at=now)
    return grant
