"""Sign at the licence gate, where a signature opens the model without review."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from portal.access.errors import EndedByTheLab
from portal.access.grants.activation import require_admissible, start_grant
from portal.access.grants.audit.facts import told_of_start
from portal.access.letters import checks
from portal.access.lifecycle import is_over, is_revoked, is_under_notice
from portal.access.models import Grant
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Gate, Mode, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.errors import Conflict


def require_not_ended(person: User, repo: ModelRepo, now: datetime) -> None:
    """Raise EndedByTheLab where the lab ended this person's access: they can't reopen it alone.

    After a notice they can, once a newer text is in force: that is what the notice was given for.
    """
    own = Grant.objects.to(person, repo).told()
    latest = own.signed_or_revoked().order_by("-pk").first()
    if latest is not None and (is_revoked(latest) or _ended_by_notice(latest, now)):
        raise EndedByTheLab(repo.full_name)


def _ended_by_notice(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant under notice is over, though its text is still the one in force."""
    if not is_under_notice(grant) or not is_over(grant, now) or not grant.acceptance:
        return False
    return grant.acceptance.licence_version_id == require_version_in_force(grant.repo, now=now).pk


@transaction.atomic
def sign_for_grant(*, person: User, repo_id: int, signature: Signature, now: datetime) -> Grant:
    """Sign the licence, and open the modes behind the licence gate at once.

    Where screening has a hit, they open once the team has cleared it. Signing again returns the
    same grant.
    """
    # The lock on the person makes two signatures at once give one grant.
    User.objects.select_for_update().get(pk=person.pk)
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    modes = [str(mode) for mode in Mode if repo.gate(mode) == Gate.LICENCE]
    if not modes:
        raise Conflict("A signature alone doesn’t open this model. Its page says what does.")
    require_admissible(person, repo, now)
    if standing := _standing(person, repo, modes, now):
        return standing
    require_not_ended(person, repo, now)
    acceptance = store_acceptance(
        signer=person, version=require_version_in_force(repo, now=now), signature=signature, now=now
    )
    grant = Grant(
        repo=repo,
        person=person,
        acceptance=acceptance,
        modes=modes,
        expires_at=now + timedelta(days=settings.GRANT_DAYS),
    )
    screening = start_grant(grant, actor=person, now=now)
    if grant.is_held:
        checks.send_extra_check(grant, screening, now=now)
    event, facts = told_of_start(grant, screening, EventType.GRANT_MADE)
    record(event, actor=person, target=grant, at=now, **facts)
    return grant


def _standing(person: User, repo: ModelRepo, modes: list[str], now: datetime) -> Grant | None:
    """Return the person's own grant that opens these modes, or will once its check is done."""
    own = Grant.objects.to(person, repo).filter(modes__contains=modes)
    standing: Grant | None = (own.active_at(now) | own.held_for_check(now)).first()
    return standing
