"""Each way in is closed to who may not be let in: nothing opens, and they learn why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress

from portal.access.applicant.submission import submit_request
from portal.access.errors import (
    AddressUnproved,
    EmailNotVerified,
    HeldBack,
    HoldStands,
)
from portal.access.grants.checks.clearing import checks_of, clear_check
from portal.access.grants.ending.revocation import end_by_notice
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.newer_text import sign_newer_version
from portal.access.grants.offers import accept_offer
from portal.access.grants.renewals import renew_grant
from portal.access.models import Membership
from portal.access.policy.policy import Action, Reason, may
from portal.access.review.decisions.deciding import approve_request
from portal.access.review.decisions.undo import undo_decision
from portal.access.screening import matching
from portal.access.screening.lists import add_entry
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import DomainError
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_hold,
    make_invitation,
    make_member,
    make_newer_text,
    make_offer,
)

pytestmark = pytest.mark.django_db
LOOKED = "Another person of the same name."


@dataclass
class Try:
    """A person on their way in, and their last step: ``go``."""

    person: User
    repo: ModelRepo
    go: Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """A way in; ``through`` is the function that calls the one module in which access begins.

    ``goes_on``: the last step is more than the way in, and is done where a hold shuts that.
    """

    through: str
    make: Callable[[datetime], Try]
    by_team: bool = False
    goes_on: bool = False


def offered(now: datetime) -> Try:
    offer = make_offer(now=now)
    signature = make_signature(offer.person, offer.repo, now=now)
    return Try(
        offer.person,
        offer.repo,
        lambda: accept_offer(person=offer.person, grant_id=offer.pk, signature=signature, now=now),
    )


def at_the_licence_gate(now: datetime) -> Try:
    person, repo = make_user(), make_repo(gate="licence")
    signature = make_signature(person, repo, now=now)
    return Try(
        person,
        repo,
        lambda: sign_for_grant(person=person, repo_id=repo.pk, signature=signature, now=now),
    )


def by_the_signature_of_a_request(now: datetime) -> Try:
    repo = make_repo(gate="licence", inference_gate="review")
    person = make_user()
    draft = make_draft(repo, person, now=now)
    signatures = [make_signature(person, repo, now=now)]
    return Try(
        person,
        repo,
        lambda: submit_request(
            applicant=person, request_id=draft.pk, signatures=signatures, now=now
        ),
    )


def approved(now: datetime) -> Try:
    repo = make_repo()
    request = make_request(repo, now=now)
    reviewer = make_reviewer(repo)
    return Try(
        request.applicant,
        repo,
        lambda: approve_request(
            reviewer=reviewer,
            request_id=request.pk,
            modes=["download", "inference"],
            expires_at=now + timedelta(days=90),
            now=now,
        ),
    )


def renewing(now: datetime) -> Try:
    grant = make_accepted(now=now - timedelta(days=31), days=30)
    signature = make_signature(grant.person, grant.repo, now=now)
    return Try(
        grant.person,
        grant.repo,
        lambda: renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=signature,
            now=now,
        ),
    )


def signing_newer(now: datetime) -> Try:
    grant = make_accepted(now=now - timedelta(days=40))
    head = make_administrator(grant.repo)
    end_by_notice(
        actor=head,
        repo_id=grant.repo.pk,
        ends_at=now - timedelta(days=1),
        reason="A newer text.",
        grant_ids=[grant.pk],
        now=now - timedelta(days=39),
    )
    make_newer_text(now=now - timedelta(days=35))
    signature = make_signature(grant.person, grant.repo, now=now)
    return Try(
        grant.person,
        grant.repo,
        lambda: sign_newer_version(
            person=grant.person, grant_id=grant.pk, signature=signature, now=now
        ),
    )


def joining(now: datetime) -> Try:
    grant, person = make_entity_grant(now=now), make_user()
    invitation = make_invitation(grant, person, now=now)
    signature = make_signature(person, grant.repo, now=now)
    return Try(
        person,
        grant.repo,
        lambda: join_as_member(
            person=person, membership_id=invitation.pk, signature=signature, now=now
        ),
    )


def carried_on(now: datetime) -> Try:
    """Make a member of a grant that its holder renews."""
    grant = make_entity_grant(now=now - timedelta(days=31), days=30)
    member = make_member(grant, now=now - timedelta(days=20))
    signature = make_signature(
        grant.person, grant.repo, now=now, capacity="entity", entity="Example University, Dean"
    )
    assert member.person is not None
    return Try(
        member.person,
        grant.repo,
        lambda: renew_grant(
            holder=grant.person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=signature,
            now=now,
        ),
    )


WAYS = {
    "offer": Way("offers.accept_offer", offered),
    "licence gate": Way("licence_gate._open", at_the_licence_gate),
    "request": Way("licence_gate._open", by_the_signature_of_a_request, goes_on=True),
    "approval": Way("granting._give", approved, by_team=True),
    "renewal": Way("renewals._grant", renewing),
    "newer text": Way("newer_text.sign_newer_version", signing_newer),
    "invitation": Way("joining.join_as_member", joining),
    "membership that goes on": Way("membership._carry", carried_on, goes_on=True),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


def opens(attempt: Try, now: datetime) -> bool:
    return may(attempt.person, Action.DOWNLOAD, attempt.repo, now).allowed


def go(attempt: Try) -> DomainError | None:
    try:
        attempt.go()
    except DomainError as refused:
        return refused
    return None


def listed(person: User, now: datetime) -> None:
    """Put a person's name on the lists."""
    add_entry(actor=make_user(superuser=True), kind="person", value=person.name, note="", now=now)


@ways
def test_it_opens_where_nothing_stands_in_the_way(way, now):
    attempt = way.make(now)
    assert not opens(attempt, now)
    assert go(attempt) is None
    assert opens(attempt, now)


@ways
def test_no_proved_address(way, now):
    attempt = way.make(now)
    EmailAddress.objects.filter(user=attempt.person).update(verified=False)
    refused = go(attempt)
    assert not opens(attempt, now)
    expected = AddressUnproved if way.by_team else EmailNotVerified
    if way.through == "joining.join_as_member":
        assert refused.code == "membership_not_found"
        assert "confirm" in refused.message
    elif way.through != "membership._carry":
        assert isinstance(refused, expected)
        assert "confirm" in refused.message.lower()


@ways
def test_a_hold(way, now):
    attempt = way.make(now)
    hold = make_hold(attempt.person, attempt.repo, now=now)
    refused = go(attempt)
    if way.goes_on:
        assert refused is None
    else:
        assert isinstance(refused, HoldStands if way.by_team else HeldBack)
    hold.lifted_at = now
    hold.save()
    assert not opens(attempt, now), "a lifted hold opens nothing that was refused"


@ways
def test_a_line_of_the_lists_holds_it_until_a_person_clears_it(way, now):
    attempt = way.make(now)
    head = make_administrator(attempt.repo)
    listed(attempt.person, now)
    assert go(attempt) is None, "what was signed is kept"
    permission = may(attempt.person, Action.DOWNLOAD, attempt.repo, now)
    assert (permission.reason, permission.since) == (Reason.CHECKED, now + timedelta(days=7))
    assert permission.help_url.startswith(("/grants", "/access"))
    check = checks_of(head, now).get()
    assert check.person == attempt.person
    assert check.right.acceptance is not None
    assert OutboxMessage.objects.filter(kind="check_team", recipient=head).count() == 1
    letter = OutboxMessage.objects.get(
        recipient=attempt.person,
        kind__in=("grant_check", "member_extra_check", "approval_check"),
    )
    assert attempt.person.name not in letter.text.replace(f"Dear {attempt.person.name}", "")
    clear_check(actor=head, screening_id=check.pk, text=LOOKED, now=now)
    assert opens(attempt, now)
    assert not checks_of(head, now).exists()


@ways
def test_what_cannot_be_screened_opens_nothing(way, now, monkeypatch):
    attempt = way.make(now)

    def broken() -> Any:
        raise RuntimeError("The lists are gone")

    monkeypatch.setattr(matching, "active_entries", broken)
    go(attempt)
    assert not opens(attempt, now)


def test_a_member_who_may_not_go_on_is_asked_anew(now):
    attempt = carried_on(now)
    make_hold(attempt.person, attempt.repo, now=now)
    attempt.go()
    newest = Membership.objects.latest("pk")
    assert (newest.person, newest.joined_at) == (None, None)
    assert OutboxMessage.objects.filter(kind="invitation").count() == 2


def test_an_undone_approval_leaves_no_check(now):
    attempt = approved(now)
    make_gate(attempt.repo, undo_minutes=10)
    head = make_administrator(attempt.repo)
    listed(attempt.person, now)
    grant = attempt.go()
    undo_decision(actor=head, request_id=grant.decision.request_id, now=now)
    assert not checks_of(head, now).exists()
    assert not OutboxMessage.objects.filter(kind="approval_check", state="queued").exists()


def test_a_grant_that_was_asked_for_is_screened_by_its_answers_too(now):
    grant = make_grant(make_repo(), now=now)
    actor = make_user(superuser=True)
    entry = add_entry(actor=actor, kind="country", value="NL", note="", now=now)
    assert [hit.found for hit in matching.hits_of_grant(grant, [entry], now)] == ["NL"]
