"""Take a publisher's consent, and let out of quarantine what waited for nothing else."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.licensing.hosting import keep_right
from portal.catalog.licensing.revision_terms import terms_of
from portal.catalog.models import HostingRight, Revision, RevisionCheck
from portal.catalog.quarantine.checking import release_consented
from portal.catalog.quarantine.questions import questions_of
from portal.catalog.services.lookup import contents_of
from portal.catalog.services.repos import locked_for_publishing
from portal.catalog.statements import Consent, HostingStatement


@transaction.atomic
def state_right(
    *, actor: User, repo_id: int, statement: HostingStatement, now: datetime
) -> HostingRight:
    """Keep and record by what right weights are hosted, and let pass what waited for that.

    Raises MayNotPublish, or RepoNotFound.
    """
    repo = locked_for_publishing(actor, repo_id)
    right = keep_right(repo, actor=actor, statement=statement, now=now)
    release_consented(repo, actor=actor, now=now)
    return right


@transaction.atomic
def give_consent(*, actor: User, revision: Revision, consent: Consent, now: datetime) -> None:
    """Keep and record what a publisher agrees to for a revision; it passes if all else is right.

    What isn't asked changes nothing. Raises MayNotPublish, or RepoNotFound.
    """
    repo = locked_for_publishing(actor, revision.repo_id)
    revision.repo = repo
    if consent.statement is not None:
        keep_right(repo, actor=actor, statement=consent.statement, now=now)
    if consent.changed_terms:
        _agree_to_terms(revision, actor, now)
    release_consented(repo, actor=actor, now=now)


def _agree_to_terms(revision: Revision, actor: User, now: datetime) -> None:
    check = RevisionCheck.objects.select_for_update(no_key=True).filter(revision=revision)
    questions = questions_of(revision)
    if not questions.changes:
        return
    terms = terms_of(contents_of(revision).values())
    check.update(agreed_terms=terms.digest)
    record_agreement(revision, questions.changes, actor=actor, now=now)


def record_agreement(
    revision: Revision, changes: tuple[str, ...], *, actor: User, now: datetime
) -> None:
    """Record that somebody agreed to other terms than those that others have read."""
    record(
        EventType.TERMS_AGREED,
        actor=actor,
        target=revision,
        at=now,
        repo=revision.repo.full_name,
        commit=revision.commit,
        changes=list(changes),
    )
