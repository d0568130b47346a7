"""docs/permissions.md says what the code does: UPDATE_GOLDEN=1 rewrites it; read the diff."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from portal.access.grants.ending.revocation import revoke_grant
from portal.access.models import AccessRequest, Grant, Hold, Membership
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember
from tests.architecture.permissions.request_matrix import matrix
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

GOLDEN = Path(__file__).parents[3] / "docs" / "permissions.md"
NOW = timezone.now()
USES = (Action.SEE, Action.DOWNLOAD, Action.INFER, Action.SCORE, Action.CAPTURE)
WORK = (Action.REVIEW, Action.ADMINISTER, Action.PUBLISH)


def check(mark: str, written: str) -> None:
    """Compare one part of the file, between its marks, with what the code says."""
    text = GOLDEN.read_text("utf-8")
    before, rest = text.split(f"<!-- {mark} -->\n", 1)
    _, after = rest.split(f"<!-- end of {mark} -->", 1)
    now = f"{before}<!-- {mark} -->\n{written}\n<!-- end of {mark} -->{after}"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(now, "utf-8")
    assert text == now


def test_the_acts_on_a_request_are_as_written():
    check("acts", matrix())


def nobody(repo: ModelRepo) -> None:
    return None


def stranger(repo: ModelRepo) -> User:
    return make_user()


def waiting(repo: ModelRepo) -> User:
    return make_request(repo).applicant


def asked(repo: ModelRepo) -> User:
    request = make_request(repo)
    ask_question(reviewer=make_reviewer(repo), request_id=request.pk, text="Which?", now=NOW)
    return request.applicant


def in_state(state: str) -> Callable[[ModelRepo], User]:
    def make(repo: ModelRepo) -> User:
        request = make_request(repo)
        AccessRequest.objects.filter(pk=request.pk).update(state=state, closed_at=NOW)
        return request.applicant

    return make


def declined(repo: ModelRepo) -> User:
    request = make_request(repo)
    decline_request(
        reviewer=make_reviewer(repo),
        request_id=request.pk,
        reason_code="commercial",
        reason_text="It is.",
        now=NOW,
    )
    return request.applicant


def holding(**changed: object) -> Callable[[ModelRepo], User]:
    """Return a maker of a grant that began yesterday, with these columns changed."""

    def make(repo: ModelRepo) -> User:
        grant = make_grant(repo, now=NOW - timedelta(days=1))
        Grant.objects.filter(pk=grant.pk).update(**changed)
        return grant.person

    return make


def revoked(repo: ModelRepo) -> User:
    grant = make_grant(repo)
    administrator = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    revoke_grant(actor=administrator, grant_id=grant.pk, reason="Breach.", now=NOW)
    return grant.person


def suspended(repo: ModelRepo) -> User:
    person = make_grant(repo, now=NOW - timedelta(days=1)).person
    Hold.objects.create(
        scope="person",
        person=person,
        repo=repo,
        reason="A leak is looked into.",
        placed_by=make_reviewer(repo),
        placed_at=NOW,
    )
    return person


def member(**changed: object) -> Callable[[ModelRepo], User]:
    def make(repo: ModelRepo) -> User:
        grant = make_grant(repo, now=NOW - timedelta(days=1))
        person = make_user()
        columns = {"person": person, "acceptance": grant.acceptance, "joined_at": NOW, **changed}
        Membership.objects.create(
            grant=grant, email=person.email, invited_by=grant.person, invited_at=NOW, **columns
        )
        return person

    return make


def on_team(role: str) -> Callable[[ModelRepo], User]:
    return lambda repo: make_reviewer(repo, role=role)


def owner(repo: ModelRepo) -> User:
    person: User = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    return person


def closed_account(repo: ModelRepo) -> User:
    person = make_grant(repo, now=NOW - timedelta(days=1)).person
    person.is_active = False
    person.save()
    return person


STANDINGS: dict[str, Callable[[ModelRepo], User | None]] = {
    "nobody": nobody,
    "no request": stranger,
    "request in review": waiting,
    "request held": in_state("held"),
    "question open": asked,
    "request declined": declined,
    "request lapsed": in_state("lapsed"),
    "request withdrawn": in_state("withdrawn"),
    "grant offered": holding(
        starts_at=None, offered_at=NOW, offer_expires_at=NOW + timedelta(days=30)
    ),
    "grant signed, held for a check": holding(starts_at=None, held_at=NOW),
    "grant active": holding(),
    "grant active, held for a check": holding(held_at=NOW),
    "grant active, hosted only": holding(modes=["inference"]),
    "grant active, no logits": holding(conditions={"no_logits": True}),
    "grant active, no captures": holding(conditions={"no_captures": True}),
    "grant begins tomorrow": holding(starts_at=NOW + timedelta(days=1)),
    "grant expired this moment": holding(expires_at=NOW),
    "grant ended by notice": holding(ends_by_notice_at=NOW),
    "grant closed by its holder": holding(closed_at=NOW, closeout="Deleted."),
    "grant revoked": revoked,
    "grant active, person on hold": suspended,
    "member who signed": member(),
    "member invited, not signed": member(joined_at=None, acceptance=None),
    "member held for a check": member(joined_at=None, held_at=NOW),
    "member who signed, held for a check": member(held_at=NOW),
    "member removed": member(ended_at=NOW),
    "reviewer": on_team("reviewer"),
    "administrator": on_team("administrator"),
    "owner": owner,
    "closed account": closed_account,
    "operator": lambda repo: make_user(superuser=True),
}


@pytest.mark.django_db
def test_the_permissions_are_as_written():
    header = ["| on the review gate |", *(f" {action} |" for action in (*USES, *WORK))]
    lines = ["".join(header), "| --- |" + " --- |" * len((*USES, *WORK))]
    for standing, make in STANDINGS.items():
        repo = make_repo()
        person = make(repo)
        permissions = [may(person, action, repo, NOW) for action in (*USES, *WORK)]
        cells = [
            "yes" if permission.allowed else str(permission.reason) for permission in permissions
        ]
        lines.append(f"| {standing} | {' | '.join(cells)} |")
    check("permissions", "\n".join(lines))
