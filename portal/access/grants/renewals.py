"""Renew grants: after a report on the use so far, a new grant begins where the old one ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.errors import ConflictOfInterest, NotRenewable, RenewalNotFound
from portal.access.grants.activation import (
    carried,
    require_admissible_to,
    start_grant,
)
from portal.access.grants.audit.facts import told_of_start
from portal.access.grants.locks import line_of, lock_grant, lock_own
from portal.access.grants.members.membership import carry_members
from portal.access.grants.newer_text import can_sign_newer
from portal.access.letters import checks
from portal.access.letters import grants as letters
from portal.access.letters.team.rights import tell_renewal
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
from portal.access.policy.covered import covered_repos, licensed_repo
from portal.access.policy.gate_settings import settings_of
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Gate, LicenceVersion, Mode, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.formatting import day_in_words
from portal.parsing.texts import require_text

OPENS_BEFORE = timedelta(days=60)
CLOSES_AFTER = timedelta(days=30)
ENDED_MEANWHILE = _("This grant was ended meanwhile, so it can’t be renewed.")
Outcome = Renewal.Outcome


def opens_at(grant: Grant) -> datetime:
    return grant.expires_at - OPENS_BEFORE


def closes_at(grant: Grant) -> datetime:
    return grant.expires_at + CLOSES_AFTER


def is_renewable(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant is within its renewal window, wasn't ended, and wasn't renewed yet."""
    return why_not_renewable(grant, now) == ""


def why_not_renewable(grant: Grant, now: datetime) -> str:
    """Say to its holder why a grant can't be renewed; return an empty text where it can."""
    return _why_ended(grant, now) or _why_not_yet(grant, now)


def _why_ended(grant: Grant, now: datetime) -> str:
    if grant.is_offer:
        return gettext("This is an offer: sign its terms first.")
    if is_revoked(grant):
        return gettext(
            "The lab ended this grant, so it can’t be renewed. Answer the letter that says why."
        )
    if is_closed(grant):
        return gettext(
            "You closed this grant, so it can’t be renewed. You may ask for access anew."
        )
    if is_over(grant, now) and is_under_notice(grant):
        if can_sign_newer(grant, now):
            return gettext("This grant ended by notice. Sign the newer text on its page instead.")
        return gettext(
            "This grant ended by notice, so it can’t be renewed. You may ask for access anew."
        )
    return ""


def _why_not_yet(grant: Grant, now: datetime) -> str:
    if is_under_notice(grant) and _signed(grant) == require_version_in_force(
        licensed_repo(grant), now=now
    ):
        return gettext(
            "The lab gave notice that this grant ends, so it can’t be renewed. See its letter."
        )
    if grant.is_held:
        return gettext(
            "A person on our team checks this access first. We write to you once that is done."
        )
    if Grant.objects.filter(parent=grant).exists():
        return gettext("This grant was renewed already. See the newer one.")
    if now < opens_at(grant):
        return gettext("It is early: this grant can be renewed from %(day)s on.") % {
            "day": day_in_words(opens_at(grant))
        }
    if now > closes_at(grant):
        return gettext(
            "It is too late to renew this grant. Ask for access anew; your answers are kept."
        )
    return ""


def needs_review(grant: Grant, version: LicenceVersion) -> bool:
    """Tell whether the team has to decide on a renewal under this licence version.

    It has where its gate says so, where the text changed in substance, and where nobody has decided
    on this access yet; never behind a gate that a signature alone opens.
    """
    repo = grant.repo
    gates = {covered.gate(Mode(mode)) for covered in covered_repos(grant) for mode in grant.modes}
    if Gate.REVIEW not in gates:
        return False
    changed = version != _signed(grant) and version.kind == LicenceVersion.Kind.MATERIAL
    return changed or settings_of(repo).renewal_needs_review or not _was_decided(grant)


def _signed(grant: Grant) -> LicenceVersion | None:
    return grant.acceptance.licence_version if grant.acceptance else None


def _was_decided(grant: Grant) -> bool:
    """Tell whether the team has ever decided on this line of grants.

    It hasn't where a signature opened the first one, behind a gate that has changed since.
    """
    first = line_of(grant)[0]
    if first.decision_id is not None or first.offered_at is not None:
        return True
    keys = [relative.pk for relative in line_of(grant)]
    return Renewal.objects.filter(
        grant__in=keys, decided_by__isnull=False, outcome=Outcome.GRANTED
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
    """File a report and sign the text in force, to renew at once or after the team's decision.

    Filing again, while a renewal is open or after it was granted, returns that renewal.
    """
    grant = lock_own(holder, grant_id, now)
    # Before anything is checked, so that a form sent twice isn't answered by "renewed already".
    if filed := grant.renewals.exclude(outcome__in=(Outcome.DECLINED, Outcome.ENDED)).last():
        return filed
    if obstacle := why_not_renewable(grant, now):
        raise NotRenewable(obstacle, help_url=f"/grants/{grant.pk}")
    require_admissible_to(holder, covered_repos(grant), now)
    missing = gettext("Say what you used the model for, and what came of it.")
    report = require_text(report, "report", missing=missing)
    publications = require_text(publications, "publications")
    version = require_version_in_force(licensed_repo(grant), now=now)
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
        tell_renewal(renewal, now=now)
    else:
        _grant(renewal, actor=None, now=now)
    return renewal


@transaction.atomic
def decide_renewal(
    *, actor: User, renewal_id: int, granted: bool, reason: str, now: datetime
) -> Renewal:
    """Grant or decline a renewal, as one of the team. Deciding again changes nothing.

    Raise NotRenewable where the grant was ended before anybody had decided.
    """
    renewal = _reviewed_renewal(actor, renewal_id)
    if renewal.outcome == Outcome.ENDED:
        raise NotRenewable(str(ENDED_MEANWHILE), help_url=f"/grants/{renewal.grant_id}")
    if renewal.decided_at is not None:
        return renewal
    if granted:
        _require_decidable(renewal.grant)
        _grant(renewal, actor=actor, now=now)
        return renewal
    missing = "Say why in your own words; the holder reads this."
    reason = require_text(reason, "reason", missing=missing)
    _decide(renewal, Outcome.DECLINED, actor, now, reason)
    letters.send_renewal_declined(renewal, now=now)
    record(EventType.RENEWAL_DECLINED, actor=actor, target=renewal, at=now, grant=renewal.grant_id)
    return renewal


def _reviewed_renewal(actor: User, renewal_id: int) -> Renewal:
    """Lock a renewal after its grant, for the team of its repo.

    Raise RenewalNotFound to anybody else, ConflictOfInterest to those who work under the grant.
    """
    unlocked = Renewal.objects.filter(pk=renewal_id).first()
    grant = lock_grant(unlocked.grant_id) if unlocked else None
    if grant is None or not reviews(actor, grant.repo):
        raise RenewalNotFound
    if actor.pk == grant.person_id or grant.memberships.filter(person=actor).exists():
        raise ConflictOfInterest(gettext("It is a grant that you work under."))
    renewal = Renewal.objects.select_for_update(of=("self",), no_key=True).select_related(
        "acceptance"
    )
    locked: Renewal = renewal.get(pk=renewal_id)
    locked.grant = grant
    return locked


def reviews(person: User, repo: ModelRepo) -> bool:
    """Tell whether a person reviews or administers a repo."""
    here = ModelRepo.objects.filter(pk=repo.pk)
    return here.reviewable_by(person).exists() or here.administered_by(person).exists()


def _require_decidable(grant: Grant) -> None:
    """Raise NotRenewable where somebody ended any grant of the line since the report was filed.

    Not only the grant itself: its holder may have signed a newer text meanwhile.
    """
    if not all(map(is_unended, line_of(grant))):
        raise NotRenewable(str(ENDED_MEANWHILE), help_url=f"/grants/{grant.pk}")


def _decide(
    renewal: Renewal, outcome: Outcome, actor: User | None, now: datetime, reason: str = ""
) -> None:
    renewal.outcome, renewal.decided_by, renewal.decided_at = outcome, actor, now
    renewal.reason = reason
    renewal.save(update_fields=["outcome", "decided_by", "decided_at", "reason"])


def _grant(renewal: Renewal, *, actor: User | None, now: datetime) -> Grant:
    """Make the new grant, with the old one's terms, quotas and length, and without a gap.

    Where screening has a hit, it begins once the team has cleared it.
    """
    _decide(renewal, Outcome.GRANTED, actor, now)
    # The last of the line: a newer text may have been signed while the renewal waited.
    old = line_of(renewal.grant)[-1]
    starts_at = max(ends_at(old), now)
    new = Grant(
        repo=old.repo,
        collection=old.collection,
        person=old.person,
        acceptance=renewal.acceptance,
        parent=old,
        modes=old.modes,
        conditions=old.conditions,
        quotas=old.quotas,
        expires_at=starts_at + term_of(old),
    )
    screening = start_grant(new, actor=actor, now=now, at=starts_at, covering=carried(old))
    carry_members(old, new, now)
    if new.is_held:
        checks.send_extra_check(new, screening, now=now)
    else:
        letters.send_renewed(new, now=now)
    event, facts = told_of_start(new, screening, EventType.GRANT_RENEWED)
    record(event, actor=actor or old.person, target=new, at=now, renewal=renewal.pk, **facts)
    return new
