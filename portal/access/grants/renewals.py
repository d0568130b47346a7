"""Renewal: a report on the use so far makes a new grant, which begins where the old one ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal.access.errors import ConflictOfInterest, NotRenewable, RenewalNotFound
from portal.access.grants.activation import require_admissible, start_grant
from portal.access.grants.audit.facts import told_of_start
from portal.access.grants.locks import line_of, lock_grant, lock_own
from portal.access.grants.members.membership import carry_members
from portal.access.grants.newer_text import can_sign_newer
from portal.access.letters import checks
from portal.access.letters import grants as letters
from portal.access.lifecycle import (
    ends_at,
    is_closed,
    is_over,
    is_revoked,
    is_under_notice,
    is_unended,
    term_of,
)
from portal.access.models import Grant, Renewal
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.signing import Signature, licence_in_force, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Gate, LicenceVersion, Mode, ModelRepo
from portal.parsing.texts import require_text

OPENS_BEFORE = timedelta(days=60)
CLOSES_AFTER = timedelta(days=30)


def opens_at(grant: Grant) -> datetime:
    return grant.expires_at - OPENS_BEFORE


def closes_at(grant: Grant) -> datetime:
    return grant.expires_at + CLOSES_AFTER


def is_renewable(grant: Grant, now: datetime) -> bool:
    """Within its window, not ended by anybody, and not renewed yet."""
    return why_not_renewable(grant, now) == ""


def why_not_renewable(grant: Grant, now: datetime) -> str:
    """What stands in the way, in words; empty where nothing does."""
    if grant.is_offer:
        return "This is an offer: sign its terms first."
    if is_revoked(grant):
        return "The lab ended this grant, so it can’t be renewed. Answer the letter that says why."
    if is_closed(grant):
        return "You closed this grant, so it can’t be renewed. You may ask for access anew."
    if is_over(grant, now) and is_under_notice(grant):
        if can_sign_newer(grant, now):
            return "This grant ended by notice. Sign the newer text on its page instead."
        return "This grant ended by notice, so it can’t be renewed. You may ask for access anew."
    if is_under_notice(grant) and _signed(grant) == licence_in_force(grant.repo, now=now):
        return "The lab gave notice that this grant ends, so it can’t be renewed. See its letter."
    if grant.is_held:
        return "A person on our team checks this access first. We write to you once that is done."
    if Grant.objects.filter(parent=grant).exists():
        return "This grant was renewed already. See the newer one."
    if now < opens_at(grant):
        return f"It is early: this grant can be renewed from {opens_at(grant):%d %B %Y} on."
    if now > closes_at(grant):
        return "It is too late to renew this grant. Ask for access anew; your answers are kept."
    return ""


def needs_review(grant: Grant, version: LicenceVersion) -> bool:
    """Where people decide on the repo: if its gate says so, the text changed in substance, or
    nobody has decided on this access yet."""
    repo = grant.repo
    if not any(repo.gate(Mode(mode)) == Gate.REVIEW for mode in grant.modes):
        return False
    changed = version != _signed(grant) and version.kind == LicenceVersion.Kind.MATERIAL
    return changed or settings_of(repo).renewal_needs_review or not _was_decided(grant)


def _signed(grant: Grant) -> LicenceVersion | None:
    return grant.acceptance.licence_version if grant.acceptance else None


def _was_decided(grant: Grant) -> bool:
    """By people, once: what a signature opened may stand behind their gate by now."""
    first = line_of(grant)[0]
    if first.decision_id is not None or first.offered_at is not None:
        return True
    line = [each.pk for each in line_of(grant)]
    return Renewal.objects.filter(
        grant__in=line, decided_by__isnull=False, outcome=Renewal.Outcome.GRANTED
    ).exists()


@transaction.atomic
def renew_grant(
    *,
    holder: User,
    grant_id: int,
    report: str,
    publications: str,
    signature: Signature,
    now: datetime,
) -> Renewal:
    """File a report and sign the text in force: renewed at once, or once the team says so.

    Filing again, while one is open or after it was granted, gives the same renewal.
    """
    grant = lock_own(holder, grant_id)
    if filed := grant.renewals.exclude(outcome=Renewal.Outcome.DECLINED).last():
        return filed
    if said := why_not_renewable(grant, now):
        raise NotRenewable(said)
    require_admissible(holder, grant.repo, now)
    missing = "Say what you used the model for, and what came of it."
    report = require_text(report, "report", missing=missing)
    publications = require_text(publications, "publications")
    version = licence_in_force(grant.repo, now=now)
    renewal = Renewal.objects.create(
        grant=grant,
        acceptance=store_acceptance(signer=holder, version=version, signature=signature, now=now),
        report=report,
        publications=publications,
        filed_at=now,
        due_at=now + timedelta(days=grant.repo.decision_days),
    )
    record(
        EventType.RENEWAL_FILED,
        actor=holder,
        target=renewal,
        at=now,
        grant=grant.pk,
        licence_sha256=version.sha256,
    )
    if needs_review(grant, version):
        letters.send_renewal_filed(renewal, now=now)
    else:
        _grant(renewal, actor=None, now=now)
    return renewal


@transaction.atomic
def decide_renewal(
    *, actor: User, renewal_id: int, granted: bool, reason: str, now: datetime
) -> Renewal:
    """The team’s word on a renewal. Deciding again changes nothing."""
    renewal = _reviewed_renewal(actor, renewal_id)
    if renewal.decided_at is not None:
        return renewal
    if granted:
        _require_decidable(renewal.grant)
        _grant(renewal, actor=actor, now=now)
        return renewal
    missing = "Say why in your own words; the holder reads this."
    reason = require_text(reason, "reason", missing=missing)
    _decide(renewal, Renewal.Outcome.DECLINED, actor, now, reason)
    letters.send_renewal_declined(renewal, now=now)
    record(EventType.RENEWAL_DECLINED, actor=actor, target=renewal, at=now, grant=renewal.grant_id)
    return renewal


def _reviewed_renewal(actor: User, renewal_id: int) -> Renewal:
    """Locked after its grant, for the team of its repo."""
    found = Renewal.objects.filter(pk=renewal_id).first()
    grant = lock_grant(found.grant_id) if found else None
    if grant is None or not reviews(actor, grant.repo):
        raise RenewalNotFound
    if actor.pk == grant.person_id or grant.memberships.filter(person=actor).exists():
        raise ConflictOfInterest("It is a grant that you work under.")
    renewal = Renewal.objects.select_for_update(of=("self",)).select_related("acceptance")
    locked: Renewal = renewal.get(pk=renewal_id)
    locked.grant = grant
    return locked


def reviews(person: User, repo: ModelRepo) -> bool:
    """Whether this person is of the repo’s team, or administers it."""
    here = ModelRepo.objects.filter(pk=repo.pk)
    return here.reviewable_by(person).exists() or here.administered_by(person).exists()


def _require_decidable(grant: Grant) -> None:
    """A newer text may have been signed while it waited, and that ended: the line is one."""
    if not all(map(is_unended, line_of(grant))):
        raise NotRenewable("This grant was ended meanwhile, so it can’t be renewed.")


def _decide(
    renewal: Renewal, outcome: Renewal.Outcome, actor: User | None, now: datetime, reason: str = ""
) -> None:
    renewal.outcome, renewal.decided_by, renewal.decided_at = outcome, actor, now
    renewal.reason = reason
    renewal.save(update_fields=["outcome", "decided_by", "decided_at", "reason"])


def _grant(renewal: Renewal, *, actor: User | None, now: datetime) -> Grant:
    """Make the new grant: the same modes and conditions, without a gap, as long as the old.

    Where the screening lists have a hit, it begins once a person has cleared that.
    """
    _decide(renewal, Renewal.Outcome.GRANTED, actor, now)
    old = line_of(renewal.grant)[-1]  # a newer text may have been signed while it waited
    starts_at = max(ends_at(old), now)
    new = Grant(
        repo=old.repo,
        person=old.person,
        acceptance=renewal.acceptance,
        parent=old,
        modes=old.modes,
        conditions=old.conditions,
        expires_at=starts_at + term_of(old),
    )
    screening = start_grant(new, actor=actor, now=now, at=starts_at)
    carry_members(old, new, now)
    if new.is_held:
        checks.send_extra_check(new, screening, now=now)
    else:
        letters.send_renewed(new, now=now)
    event, facts = told_of_start(new, screening, EventType.GRANT_RENEWED)
    record(event, actor=actor or old.person, target=new, at=now, renewal=renewal.pk, **facts)
    return new
