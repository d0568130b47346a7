"""Open what a signature alone opens: at the licence gate, or by the signature of a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.errors import EndedByTheLab
from portal.access.grants.activation import is_admissible, require_admissible, start_grant
from portal.access.grants.audit.facts import told_of_start
from portal.access.letters import checks
from portal.access.lifecycle import is_over, is_revoked, is_under_notice
from portal.access.models import Acceptance, AccessRequest, Coverage, Grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import licensed_repo
from portal.access.querysets.grants import covering
from portal.access.requests.narrowing import ModelTerms
from portal.access.requests.signing import Signature
from portal.access.requests.texts_to_sign import require_acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.collections.reading import collection_of, members_of
from portal.catalog.models import Collection, Gate, Mode, ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.errors import Conflict


def require_not_ended(person: User, repo: ModelRepo, now: datetime) -> None:
    """Raise EndedByTheLab where the lab ended this person's access: they can't reopen it alone.

    After a notice they can, once a newer text is in force: that is what the notice was given for.
    """
    if _was_ended(person, repo, now):
        raise EndedByTheLab(repo.full_name)


def _was_ended(person: User, repo: ModelRepo, now: datetime) -> bool:
    own = Grant.objects.to(person, repo).told(now)
    latest = own.signed_or_revoked().order_by("-pk").first()
    closed = Coverage.objects.ended_for(person, repo).filter(grant__person=person).first()
    if closed is not None and (latest is None or latest.pk <= closed.grant_id):
        return True
    return latest is not None and (is_revoked(latest) or _ended_by_notice(latest, now))


def _ended_by_notice(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant under notice is over, though its text is still the one in force."""
    if not is_under_notice(grant) or not is_over(grant, now) or not grant.acceptance:
        return False
    return (
        grant.acceptance.licence_version_id
        == require_version_in_force(licensed_repo(grant), now=now).pk
    )


@transaction.atomic
def sign_for_grant(
    *, person: User, repo_id: int, signature: Signature | None, now: datetime
) -> Grant:
    """Sign the licence, and open the modes behind the licence gate at once.

    In a collection that opens every model behind the licence gate under the same text, and a
    signature of that text which stands there is enough (None). Where screening has a hit, they open
    once the team has cleared it. Signing again returns the same grant.
    """
    # The lock on the person makes two signatures at once give one grant.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    repo = ModelRepo.objects.with_names().get(pk=repo_id)
    modes = modes_by_signature(repo)
    if not modes:
        raise Conflict(_("A signature alone doesn’t open this model. Its page says what does."))
    require_admissible(person, repo, now)
    if standing := _standing(person, repo, modes, now):
        return standing
    require_not_ended(person, repo, now)
    collection = collection_of(repo)
    acceptance = require_acceptance(
        signer=person,
        collection=collection,
        version=require_version_in_force(repo, now=now),
        signature=signature,
        now=now,
    )
    together = opened_by_signature(person, repo, collection, repo.licence_id, now)
    grant, event, facts = _open(acceptance, collection, together, now)
    record(event, actor=person, target=grant, at=now, **facts)
    return grant


def open_by_signatures(
    access_request: AccessRequest, acceptances: Iterable[Acceptance], now: datetime
) -> None:
    """Open what the signatures of a request alone open, whatever is decided on the rest of it.

    There is one grant for each text. A model that is open already stays as it is, and so does one
    that the lab closed, or that a hold bars.
    """
    person, collection = access_request.applicant, access_request.collection
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    for acceptance in acceptances:
        licence_id = acceptance.licence_version.licence_id
        together = opened_by_signature(person, access_request.repo, collection, licence_id, now)
        if together and is_admissible(person, [model.repo for model in together], now):
            grant, event, facts = _open(acceptance, collection, together, now)
            record(event, actor=person, target=grant, at=now, **facts)


def _open(
    acceptance: Acceptance,
    collection: Collection | None,
    together: Sequence[ModelTerms],
    now: datetime,
) -> tuple[Grant, EventType, dict[str, Any]]:
    """Make the grant of a signature alone: of these models of a collection, or of the only one.

    Return it with its event and facts.
    """
    person = acceptance.person
    grant = Grant(
        repo=collection.lead if collection else together[0].repo,
        collection=collection,
        person=person,
        acceptance=acceptance,
        modes=sorted({mode for model in together for mode in model.modes}),
        expires_at=now + timedelta(days=settings.GRANT_DAYS),
    )
    covering = together if collection else ()
    screening = start_grant(grant, actor=person, now=now, covering=covering)
    if grant.is_held:
        checks.send_extra_check(grant, screening, now=now)
    return grant, *told_of_start(grant, screening, EventType.GRANT_MADE)


def modes_by_signature(repo: ModelRepo) -> list[str]:
    """Return the modes of a model that a signature alone opens."""
    return [str(mode) for mode in Mode if repo.gate(mode) == Gate.LICENCE]


def opened_by_signature(
    person: User,
    repo: ModelRepo,
    collection: Collection | None,
    licence_id: int | None,
    now: datetime,
) -> list[ModelTerms]:
    """Return what a signature of a licence alone opens: of a collection, or of a repo without one.

    Left out is what is open to this person already, and what the lab ended for them.
    """
    members = members_of(collection, person) if collection else [repo]
    return [
        ModelTerms(member, tuple(modes_by_signature(member)), Conditions())
        for member in members
        if member.licence_id == licence_id and _is_wanted(person, member, now)
    ]


def _is_wanted(person: User, repo: ModelRepo, now: datetime) -> bool:
    modes = modes_by_signature(repo)
    is_open = not modes or _standing(person, repo, modes, now) is not None
    return not is_open and not _was_ended(person, repo, now)


def _standing(person: User, repo: ModelRepo, modes: list[str], now: datetime) -> Grant | None:
    """Return the person's own grant that opens these modes, or will once its check is done."""
    own = Grant.objects.filter(covering(repo, modes__contains=modes), person=person).told(now)
    standing: Grant | None = (own.active_at(now) | own.held_for_check(now)).first()
    return standing
