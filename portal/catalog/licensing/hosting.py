"""Keep by what right a repo's weights are hosted, by whichever door it was stated."""

from __future__ import annotations

from datetime import datetime

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import HostingRight, ModelRepo
from portal.catalog.statements import HostingStatement


def keep_right(
    repo: ModelRepo, *, actor: User, statement: HostingStatement, now: datetime
) -> HostingRight:
    """Keep and record a publisher's statement. The same of the same person changes nothing.

    The caller has locked the repo and checked the right to publish it.
    """
    stated = {"licence": repo.licence, "consent": statement.written, "person": actor}
    same = HostingRight.objects.filter(repo=repo, **stated).first()
    if same is not None:
        return same
    right: HostingRight
    right, _ = HostingRight.objects.update_or_create(
        repo=repo, defaults={**stated, "stated_at": now}
    )
    record(
        EventType.HOSTING_STATED,
        actor=actor,
        target=repo,
        at=now,
        repo=repo.full_name,
        licence=repo.licence.slug if repo.licence else None,
        statement=statement.as_data(),
    )
    return right


def standing_right(repo: ModelRepo) -> HostingRight | None:
    """Return what was stated under the repo's present licence, or None where it is to be asked."""
    right = HostingRight.objects.filter(repo=repo).select_related("person", "licence").first()
    return right if right is not None and right.licence_id == repo.licence_id else None


def carry_right(source: ModelRepo, copy: ModelRepo) -> None:
    """Let what was stated of a model hold for its copy, which stands under the same licence."""
    right = standing_right(source)
    if right is not None:
        HostingRight.objects.create(
            repo=copy,
            licence=right.licence,
            consent=right.consent,
            person=right.person,
            stated_at=right.stated_at,
        )


def statement_in(right: HostingRight) -> HostingStatement:
    """Return the statement that a right was kept from."""
    return HostingStatement(right.consent or None)
