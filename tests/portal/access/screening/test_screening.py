"""Every snapshot is screened against the sanctions lists; a hit asks a person and names no line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import ConflictOfInterest, RequestHasMovedOn, RequestNotFound
from portal.access.models import Screening
from portal.access.requests.answering import correct_request
from portal.access.requests.routing import withdraw_request
from portal.access.review.screening_clearance import dispose_screening
from portal.access.screening import matching
from portal.access.screening.lists import add_entry, remove_entry
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def operator():
    return make_user(superuser=True)


@pytest.fixture
def head(repo):
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


@pytest.fixture
def listed(operator, now):
    def add(kind: str, value: str):
        return add_entry(actor=operator, kind=kind, value=value, note="", now=now)

    return add


def dispose(actor, access_request, now, text="Another person of that name."):
    return dispose_screening(actor=actor, request_id=access_request.pk, text=text, now=now)


def latest(access_request) -> Screening:
    return Screening.objects.filter(submission__request=access_request).latest("pk")


def test_without_a_hit_it_goes_to_the_reviewers(repo, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now)
    assert access_request.state == "in_review"
    screening = latest(access_request)
    assert (screening.outcome, screening.hits) == ("clear", [])
    assert screening.list_version == matching.list_version(matching.active_entries())


@pytest.mark.parametrize(
    ("kind", "value", "answers"),
    [
        ("country", "kp", {"country": "KP"}),
        ("domain", "@University.example", {}),
        ("person", "given NAME", {"name": "Ｇiven  Name"}),
        ("organization", "Trading House", {"organization": "The Trading-House, Ltd."}),
    ],
)
def test_a_hit_on_any_list_holds_it(repo, listed, now, kind, value, answers):
    entry = listed(kind, value)
    access_request = make_request(repo, now=now, **answers)
    assert access_request.state == "held"
    (hit, *_) = latest(access_request).hits
    assert (hit["entry"], hit["kind"]) == (entry.pk, kind)
    assert access_request.due_at == now + timedelta(days=14 + 7)


def test_a_part_of_a_word_is_no_hit(repo, listed, now):
    listed("organization", "ample univ")
    listed("domain", "versity.example")
    assert make_request(repo, now=now).state == "in_review"


def test_any_verified_address_counts_and_no_other(repo, listed, now):
    listed("domain", "listed.example")
    person, other = make_user(), make_user()
    give_address(person, "a@mail.listed.example")
    give_address(other, "b@listed.example", verified=False)
    assert make_request(repo, person, now=now).state == "held"
    assert make_request(repo, other, now=now).state == "in_review"


def test_the_letter_tells_the_kind_of_rule_and_never_the_line(repo, listed, now):
    listed("person", "Given Name")
    access_request = make_request(repo, now=now, name="Given Name")
    letter = OutboxMessage.objects.get(kind="extra_check", recipient=access_request.applicant)
    assert "a list that every request is compared with" in " ".join(letter.text.split())
    assert "Given Name" not in letter.text.replace(access_request.applicant.display_name, "")
    listed("country", "KP")
    abroad = make_request(repo, now=now, country="KP")
    letter = OutboxMessage.objects.get(kind="extra_check", recipient=abroad.applicant)
    assert "rules on jurisdiction" in letter.text
    assert "KP" not in letter.text


def test_what_cannot_be_screened_is_looked_at(repo, now, monkeypatch):
    def broken():
        raise RuntimeError("the lists are away")

    monkeypatch.setattr(matching, "active_entries", broken)
    access_request = make_request(repo, now=now)
    assert access_request.state == "held"
    assert (latest(access_request).outcome, latest(access_request).list_version) == ("failed", "")


def test_clearing_begins_the_review(repo, head, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    dispose(head, access_request, now)
    access_request.refresh_from_db()
    assert access_request.state == "in_review"
    screening = latest(access_request)
    assert (screening.disposed_by, screening.disposition) == (head, "Another person of that name.")
    assert OutboxMessage.objects.filter(
        kind="check_done", recipient=access_request.applicant
    ).exists()
    event = AuditEvent.objects.get(type="request.screening_cleared")
    assert event.data["list_versions"] == [screening.list_version]
    with pytest.raises(RequestHasMovedOn):
        dispose(head, access_request, now)


def test_only_heads_of_the_team_clear_and_none_clears_their_own(repo, head, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    for person in (make_reviewer(repo), make_user()):
        with pytest.raises(RequestNotFound):
            dispose(person, access_request, now)
    own = make_request(repo, head, now=now, country="KP")
    with pytest.raises(ConflictOfInterest):
        dispose(head, own, now)
    with pytest.raises(FieldErrors):
        dispose(head, access_request, now, text=" ")


def test_a_corrected_answer_does_not_get_round_the_check(repo, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    correct_request(
        applicant=access_request.applicant,
        request_id=access_request.pk,
        changes={"country": "NL"},
        now=now,
    )
    access_request.refresh_from_db()
    assert access_request.state == "held"


def test_neither_does_a_new_request(repo, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    withdraw_request(applicant=access_request.applicant, request_id=access_request.pk, now=now)
    assert make_request(repo, access_request.applicant, now=now, country="NL").state == "held"


def test_a_line_that_is_gone_holds_nothing(repo, operator, listed, now):
    entry = listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    withdraw_request(applicant=access_request.applicant, request_id=access_request.pk, now=now)
    remove_entry(actor=operator, entry_id=entry.pk, now=now)
    assert make_request(repo, access_request.applicant, now=now, country="KP").state == "in_review"


def test_what_was_cleared_stays_cleared_until_something_else_is_hit(repo, head, listed, now):
    listed("country", "KP")
    access_request = make_request(repo, now=now, country="KP")
    dispose(head, access_request, now)

    def correct(**changes):
        correct_request(
            applicant=access_request.applicant,
            request_id=access_request.pk,
            changes=changes,
            now=now,
        )
        access_request.refresh_from_db()

    correct(purpose="Another question.")
    assert access_request.state == "in_review"
    assert latest(access_request).disposed_by == head
    listed("organization", "Trading House")
    correct(organization="Trading House")
    assert access_request.state == "held"
