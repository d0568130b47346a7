"""Revoke a grant at once, or give notice that grants end on a later day, as the lab."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from portal.access.grants.audit.facts import stamp
from portal.access.grants.ending.end import Cause, end_grants
from portal.access.grants.locks import lock_administered, lock_line, lock_lines
from portal.access.letters import grants as letters
from portal.access.lifecycle import is_revoked
from portal.access.models import Grant
from portal.access.policy.administering import require_administers
from portal.access.policy.covered import licensed_repo
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import RepoNotFound
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.errors import FieldErrors
from portal.parsing.texts import require_text, text_problem

SHORTEST_NOTICE = timedelta(days=30)


@transaction.atomic
def revoke_grant(*, actor: User, grant_id: int, reason: str, now: datetime) -> Grant:
    """End a grant and its whole line at once, with a letter. Revoking again changes nothing.

    Where the repo wants two people for this, the first call proposes it, and a second
    administrator's confirms it.
    """
    grant = lock_administered(actor, grant_id, now)
    if is_revoked(grant):
        return grant
    missing = "Say why; the notice quotes it."
    reason = require_text(reason.strip() or _proposed_reason(grant), "reason", missing=missing)
    if settings_of(grant.repo).two_person_revocation and not _seconds(grant, actor, now):
        return _propose(grant, actor, reason, now)
    end_grants(lock_line(grant, now), Cause.REVOKED, actor=actor, reason=reason, now=now)
    letters.send_revocation(grant, reason=reason, now=now)
    return grant


def _proposed_reason(grant: Grant) -> str:
    return grant.revocation_reason if grant.revocation_proposed_at else ""


def _seconds(grant: Grant, actor: User, now: datetime) -> bool:
    """Tell whether another administrator has proposed this, and may still do so today."""
    proposer = grant.revocation_proposed_by
    if proposer is None or proposer.pk == actor.pk:
        return False
    return may(proposer, Action.ADMINISTER, grant.repo, now).allowed


def _propose(grant: Grant, actor: User, reason: str, now: datetime) -> Grant:
    if grant.revocation_proposed_by_id == actor.pk:
        return grant
    grant.revocation_proposed_by, grant.revocation_proposed_at = actor, now
    grant.revocation_reason = reason
    changed = ["revocation_proposed_by", "revocation_proposed_at", "revocation_reason"]
    grant.save(update_fields=changed)
    record(EventType.GRANT_REVOCATION_PROPOSED, actor=actor, target=grant, at=now)
    return grant


@transaction.atomic
def end_by_notice(
    *,
    actor: User,
    repo_id: int,
    ends_at: datetime,
    reason: str,
    now: datetime,
    licence_version_id: int | None = None,
    grant_ids: Collection[int] = (),
) -> list[Grant]:
    """Give notice to the holders of grants under one licence version, or of the named grants.

    A grant that ends before that day, or by an earlier notice, is left as it is; so a repeated
    call changes nothing.
    """
    repo = repo_to_give_notice_in(actor, repo_id, now)
    _check_notice(ends_at, reason, bool(licence_version_id or grant_ids), now)
    meant = Q(pk__in=grant_ids) | Q(acceptance__licence_version=licence_version_id)
    lasting = Grant.objects.begun_until(ends_at).filter(meant, repo=repo)
    # Filtered once more under the locks: a grant may have ended or been renewed meanwhile.
    lock_lines(list(lasting.values_list("pk", flat=True)))
    related = ("repo__namespace", "person", "acceptance__licence_version__licence")
    locked = lasting.select_for_update(of=("self",), no_key=True).select_related(*related)
    grants = list(locked.order_by("pk"))
    for grant in grants:
        put_under_notice(grant, ends_at, reason.strip())
        letters.send_notice(grant, can_sign=_newer_is_in_force(grant, now), now=now)
        record(
            EventType.GRANT_NOTICE_GIVEN,
            actor=actor,
            target=grant,
            at=now,
            ends_by_notice_at=stamp(ends_at),
        )
    return grants


def put_under_notice(grant: Grant, ends_at: datetime, reason: str) -> None:
    """Write the notice of a locked grant, in the transaction of the caller, who records it."""
    grant.ends_by_notice_at, grant.notice_reason = ends_at, reason
    grant.save(update_fields=["ends_by_notice_at", "notice_reason"])


def repo_to_give_notice_in(actor: User, repo_id: int, now: datetime) -> ModelRepo:
    """Return the repo for somebody who may give notice to the holders of its grants.

    Raise RepoNotFound or Forbidden to anybody else.
    """
    repo: ModelRepo | None = ModelRepo.objects.with_names().filter(pk=repo_id).first()
    unknown = RepoNotFound("There’s no such model, or none that you may know of.")
    if repo is None:
        raise unknown
    require_administers(actor, repo, now, unknown=unknown, what="give notice")
    return repo


def _check_notice(ends_at: datetime, reason: str, names_some: bool, now: datetime) -> None:
    errors: dict[str, str] = {}
    if ends_at < now + SHORTEST_NOTICE:
        errors["ends_at"] = f"Choose a day at least {SHORTEST_NOTICE.days} days ahead."
    if problem := text_problem(reason, missing="Say why; the notice quotes it."):
        errors["reason"] = problem
    if not names_some:
        errors["licence_version_id"] = (
            "Choose the licence version whose grants end, or name the grants."
        )
    if errors:
        raise FieldErrors(errors)


def _newer_is_in_force(grant: Grant, now: datetime) -> bool:
    signed = grant.acceptance.licence_version_id if grant.acceptance else None
    return require_version_in_force(licensed_repo(grant), now=now).pk != signed
