"""The team is told that work has come: each event, at once, in the digest, or never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.access.applicant.submission import submit_request
from portal.access.letters.team.requests import MOST_AT_ONCE
from portal.access.models import AccessRequest, DigestItem
from portal.access.people.invitations import invite_guest
from portal.access.policy.contacts import owners
from portal.access.requests.answering import answer_question, correct_request
from portal.access.requests.appeals import appeal_request
from portal.access.review.asking import ask_question
from portal.access.review.assignment import assign_request
from portal.access.review.notes import declare_conflict
from portal.access.review.screening_clearance import dispose_screening
from portal.access.screening.lists import add_entry
from portal.accounts.models import NamespaceRole, User
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due, mark_bounced
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_accepted, make_gate, make_renewal
from tests.factories.references import make_reference
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
ADA = "Ada Example"


def names(*people) -> list[str]:
    return sorted(person.username for person in people)


def ada(repo, now, **changed) -> AccessRequest:
    return make_request(repo, called(ADA), now=now, **changed)


def called(name: str) -> User:
    person = make_user()
    person.name = name
    person.save()
    return person


def add_line(now, kind: str = "country", value: str = "KP") -> None:
    add_entry(actor=make_user(superuser=True), kind=kind, value=value, note="", now=now)


def asked(repo, team, now) -> AccessRequest:
    case = ada(repo, now)
    ask_question(reviewer=team[1], request_id=case.pk, text="Which data?", now=now)
    return case


def answered(case, now, **more: Any) -> None:
    answer_question(applicant=case.applicant, request_id=case.pk, answer="Ours.", now=now, **more)


# Each makes its event happen once, and returns who is to be told.


def new_request(repo, team, now):
    ada(repo, now)
    return team


def answer(repo, team, now):
    answered(asked(repo, team, now), now)
    return team


def held(repo, team, now):
    add_line(now)
    ada(repo, now, country="KP")
    return team[:1]  # who administers it


def appeal(repo, team, now):
    case = ada(repo, now)
    decline(case, team[1], now)
    appeal_request(applicant=case.applicant, request_id=case.pk, text="Please.", now=now)
    return [team[0], team[2]]  # nobody who took the decision


def renewal(repo, team, now):
    make_gate(repo, renewal_needs_review=True)
    grant = make_accepted(repo, now=now - timedelta(days=300), days=330)
    make_renewal(grant, now)
    return team


def vote_needed(repo, team, now):
    make_gate(repo, quorum=2)
    approve(ada(repo, now), team[1], now)
    return [team[0], team[2]]


def vote_voided(repo, team, now):
    make_gate(repo, quorum=2)
    case = ada(repo, now)
    approve(case, team[1], now)
    correct_request(
        applicant=case.applicant, request_id=case.pk, changes={"purpose": "Another."}, now=now
    )
    return [team[1]]


def assigned(repo, team, now):
    case = ada(repo, now)
    assign_request(actor=team[0], request_id=case.pk, assignee=team[1], now=now)
    return [team[1]]


EVENTS = {
    "new_request": (new_request, "team_request", "Ada Example asks for {}"),
    "answer": (answer, "team_answer", "Ada Example answered: {}"),
    "held": (held, "team_held", "A check is needed: Ada Example asks for {}"),
    "appeal": (appeal, "team_appeal", "Ada Example appeals: {}"),
    "renewal": (renewal, "team_renewal", "asks to renew access to {}"),
    "vote_needed": (vote_needed, "team_vote", "Your vote is needed: Ada Example asks for {}"),
    "vote_voided": (vote_voided, "team_vote_voided", "Your vote is void: Ada Example changed"),
    "assigned": (assigned, "assignment", "Yours to review: Ada Example asks for {}"),
}
each_event = pytest.mark.parametrize("event", EVENTS)


@each_event
def test_it_is_told_at_once_with_who_and_which_model_in_the_subject(
    event, repo, team, now, readers
):
    happen, kind, subject = EVENTS[event]
    people = happen(repo, team, now)
    assert readers(kind) == names(*people)
    letter = OutboxMessage.objects.filter(kind=kind).latest("pk")
    assert subject.format(repo.full_name) in letter.subject
    assert repo.full_name in letter.subject
    assert letter.due_at == now
    assert "2026" in letter.text  # when it is due
    assert "http://127.0.0.1:8000/settings/notifications" in letter.text
    assert "/settings/notifications" in letter.html
    assert not DigestItem.objects.exclude(event="decided").exists()


@each_event
def test_it_waits_for_the_digest_of_who_wants_that(event, repo, team, now, readers, choose):
    for person in team:
        choose(person, event, "daily")
    happen, kind, _ = EVENTS[event]
    people = happen(repo, team, now)
    assert readers(kind) == []
    items = DigestItem.objects.filter(event=event).select_related("reader")
    assert sorted(item.reader.username for item in items) == names(*people)


@each_event
def test_who_never_wants_it_hears_nothing(event, repo, team, now, readers, choose):
    for person in team:
        choose(person, event, "never")
    happen, kind, _ = EVENTS[event]
    happen(repo, team, now)
    assert readers(kind) == []
    assert not DigestItem.objects.filter(event=event).exists()


def test_the_letter_arrives_when_the_request_does(repo, reviewer, now):
    """The pain: the first that a team heard of a request was that it was overdue."""
    case = ada(repo, now)
    deliver_due(now=now, limit=50)
    (letter,) = [sent for sent in mail.outbox if sent.to == [reviewer.email]]
    assert letter.subject == f"Ada Example asks for {repo.full_name} ({case.reference})"
    assert f"/queue/{case.pk}" in letter.body
    assert "It is due on Monday 7 December 2026." in " ".join(letter.body.split())


class TestWhoIsToldOfARequest:
    def test_nobody_with_a_conflict_of_interest(self, repo, team, now, readers):
        applicant, colleague_there = make_user(), make_reviewer(repo)
        named = make_reviewer(repo)
        affiliate(colleague_there, affiliate(applicant))
        make_reference(applicant, email=named.email, now=now)
        make_request(repo, applicant, now=now)
        assert readers("team_request") == names(*team)

    def test_who_declared_one_hears_of_no_answer(self, repo, team, now, readers):
        case = asked(repo, team, now)
        declare_conflict(
            reviewer=team[2], request_id=case.pk, has_conflict=True, statement="Kin.", now=now
        )
        answered(case, now)
        assert readers("team_answer") == names(*team[:2])

    def test_a_guest_of_this_request_and_of_no_other(self, repo, team, now, readers):
        make_gate(repo, quorum=2)
        case, guest = ada(repo, now), make_user()
        invite_guest(actor=team[0], request_id=case.pk, person=guest.username, now=now)
        approve(case, team[1], now)
        assert readers("team_vote") == names(team[0], team[2], guest)
        assert guest.username not in readers("team_request")

    def test_not_the_applicant_though_they_are_of_the_team(self, repo, team, now, readers):
        make_request(repo, team[1], now=now)
        assert readers("team_request") == names(team[0], team[2])

    def test_the_owners_where_nobody_is_on_the_team(self, repo, now, readers):
        ada(repo, now)
        assert readers("team_request") == names(*owners(repo))

    def test_each_once_whatever_roles_they_have(self, repo, team, now, readers):
        """Its publisher is on the team, too."""
        NamespaceRole.objects.create(namespace=repo.namespace, user=team[1])
        ada(repo, now)
        assert readers("team_request") == names(*team)

    def test_a_closed_account_isnt_written_to(self, repo, team, now, readers):
        team[2].is_active = False
        team[2].save()
        ada(repo, now)
        assert readers("team_request") == names(*team[:2])


class TestTheWords:
    def test_a_lab_keeps_names_out_of_subjects(self, repo, team, now):
        make_gate(repo, names_in_subjects=False)
        for happen, _, _ in EVENTS.values():
            if happen is not held:
                happen(repo, team, now)
        letters = OutboxMessage.objects.filter(recipient__in=team)
        assert letters.count() > len(EVENTS)
        assert not [letter.subject for letter in letters if "Ada" in letter.subject]
        letter = letters.filter(kind="team_request").first()
        assert letter.subject.startswith(f"An applicant asks for {repo.full_name} (")
        assert "Ada Example asks for access" in letter.text

    def test_a_name_written_from_the_right_turns_no_subject(self, repo, reviewer, now):
        make_request(repo, called("שלום"), now=now)
        letter = OutboxMessage.objects.get(kind="team_request")
        assert letter.subject.startswith("\u2068שלום\u2069 asks for ")

    def test_a_vote_isnt_told(self, repo, team, now):
        vote_needed(repo, team, now)
        letter = OutboxMessage.objects.filter(kind="team_vote").first()
        assert "approv" not in letter.text.lower()


class TestNobodyIsToldTwice:
    def test_whose_vote_an_answer_voids_gets_one_letter_of_it(self, repo, team, now, readers):
        make_gate(repo, quorum=2)
        case = ada(repo, now)
        approve(case, team[2], now)
        ask_question(reviewer=team[1], request_id=case.pk, text="Which?", now=now)
        answered(case, now, changes={"purpose": "Another."})
        assert readers("team_vote_voided") == names(team[2])
        assert readers("team_answer") == names(*team[:2])

    def test_an_unchanged_vote_tells_only_of_the_answer(self, repo, team, now, readers):
        make_gate(repo, quorum=2)
        case = ada(repo, now)
        approve(case, team[2], now)
        ask_question(reviewer=team[1], request_id=case.pk, text="Which?", now=now)
        answered(case, now)
        assert readers("team_answer") == names(*team)

    def test_a_vote_cast_anew_asks_nobody_again(self, repo, team, now, readers):
        make_gate(repo, quorum=3)
        case = ada(repo, now)
        approve(case, team[1], now)
        approve(case, team[1], now)
        approve(case, team[0], now)
        assert readers("team_vote") == names(team[0], team[2])

    def test_a_held_request_comes_in_once_it_is_cleared(self, repo, team, now, readers):
        add_line(now)
        case = ada(repo, now, country="KP")
        assert readers("team_request") == []
        dispose_screening(actor=team[0], request_id=case.pk, text="Another place.", now=now)
        assert readers("team_request") == names(*team[1:])


def submitting(repo, now) -> int:
    applicant = make_user()
    draft = make_draft(repo, applicant, now=now)
    signature = make_signature(applicant, repo, now=now)
    with CaptureQueriesContext(connection) as queries:
        submit_request(applicant=applicant, request_id=draft.pk, signatures=[signature], now=now)
    return len(queries)


def test_a_large_team_costs_a_submission_no_more_queries(now):
    small, large = make_repo(), make_repo()
    for repo, size in ((small, 2), (large, 10)):
        for _ in range(size):
            make_reviewer(repo)
    submitting(small, now)
    assert submitting(large, now) == submitting(small, now)
    assert OutboxMessage.objects.filter(kind="team_request").count() == 2 + 10 + 2


def test_whoever_sends_in_many_requests_fills_digests_and_no_mailbox(now):
    applicant, reviewer = make_user(), make_user()
    for _ in range(MOST_AT_ONCE + 2):
        repo = make_repo()
        repo.team.create(user=reviewer, role="reviewer")
        make_request(repo, applicant, now=now)
    assert OutboxMessage.objects.filter(kind="team_request").count() == MOST_AT_ONCE
    assert DigestItem.objects.filter(reader=reviewer, event="new_request").count() == 2


def test_what_comes_back_from_a_reviewer_stands_in_their_inbox(repo, reviewer, now):
    mark_bounced(address=reviewer.email, reason="550 gone", now=now)
    ada(repo, now)
    letter = OutboxMessage.objects.get(kind="team_request")
    assert (letter.state, letter.recipient) == ("bounced", reviewer)
