"""New members are screened as applicants are, and a hit holds them until it is cleared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import ConflictOfInterest, GrantIsOver, MembershipNotFound
from portal.access.grants.checks.members import clear_member
from portal.access.grants.members.membership import remove_member
from portal.access.models import Membership, Screening
from portal.access.policy.policy import Action, may
from portal.access.reminders.tick import tick
from portal.access.review.screening_clearance import dispose_screening
from portal.access.screening import matching
from portal.access.screening.lists import add_entry
from portal.accounts.models import Scope
from portal.audit.models import AuditEvent
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import (
    join,
    make_administrator,
    make_entity_grant,
    make_invitation,
    make_member,
)
from tests.portal.api.api_calls import by_token, fields_of

pytestmark = pytest.mark.django_db
LOOKED = "Another person of the same name."


@pytest.fixture
def grant(now):
    return make_entity_grant(now=now)


@pytest.fixture
def head(grant):
    return make_administrator(grant.repo)


@pytest.fixture
def colleague(now):
    """Somebody whose name stands in a list."""
    person = make_user("mallory")
    add_entry(actor=make_user(superuser=True), kind="person", value=person.name, note="", now=now)
    return person


@pytest.fixture
def held(grant, head, colleague, now):
    return make_member(grant, colleague, now=now)


def clear(held, actor, now, text=LOOKED):
    return clear_member(actor=actor, membership_id=held.pk, text=text, now=now)


def opens(person, repo, now):
    return may(person, Action.DOWNLOAD, repo, now).allowed


def letters(kind):
    return list(OutboxMessage.objects.filter(kind=kind))


def test_without_a_hit_it_is_on_record_that_one_was_looked_for(grant, now):
    joined = make_member(grant, now=now)
    assert joined.joined_at == now
    assert joined.screening.outcome == Screening.Outcome.CLEAR
    assert len(joined.screening.list_version) == 64


def test_a_hit_holds_the_membership_and_opens_nothing(grant, head, held, colleague, now):
    assert held.is_held
    assert held.acceptance.person == colleague
    assert not opens(colleague, grant.repo, now)
    event = AuditEvent.objects.get(type="member.held")
    assert (event.actor, event.data["screening"]) == (colleague, "hit")
    assert not AuditEvent.objects.filter(type="member.joined").exists()
    (told,) = letters("member_extra_check")
    assert told.recipient == colleague
    assert "a list that every request is compared with" in " ".join(told.text.split())
    assert [letter.recipient for letter in letters("check_team")] == [head]


def test_the_members_letter_gives_no_line_of_a_list_away(grant, head, now):
    person = make_user()
    add_entry(
        actor=make_user(superuser=True), kind="domain", value="university.example", note="", now=now
    )
    assert make_member(grant, person, now=now).is_held
    (told,) = letters("member_extra_check")
    assert "university.example" not in told.text


def test_an_address_that_was_invited_counts_too(grant, now):
    membership = make_invitation(grant, make_user(), now=now)
    membership.person, membership.acceptance = grant.person, grant.acceptance
    membership.email = "x@held.example"
    entry = add_entry(
        actor=make_user(superuser=True), kind="domain", value="held.example", note="", now=now
    )
    assert [hit.found for hit in matching.hits_of_member(membership, [entry], now)] == [
        "held.example"
    ]


def test_what_cannot_be_screened_is_looked_at(grant, head, now, monkeypatch):
    def broken():
        raise RuntimeError("The lists are gone")

    monkeypatch.setattr(matching, "active_entries", broken)
    membership = make_member(grant, now=now)
    assert membership.is_held
    assert membership.screening.outcome == Screening.Outcome.FAILED


def test_an_unanswered_hit_of_their_own_request_holds_them_here_too(grant, head, colleague, now):
    request = make_request(grant.repo, colleague, now=now)
    assert request.state == "held"
    colleague.name = "Somebody Else"
    colleague.save(update_fields=["name"])
    assert make_member(grant, colleague, now=now).is_held


class TestClearing:
    def test_they_join_at_that_moment_with_both_told(self, grant, head, held, colleague, now):
        later = now + timedelta(hours=2)
        cleared = clear(held, head, later)
        assert (cleared.joined_at, cleared.is_held) == (later, False)
        assert opens(colleague, grant.repo, later)
        held.screening.refresh_from_db()
        assert (held.screening.disposed_by, held.screening.disposition) == (head, LOOKED)
        assert AuditEvent.objects.get(type="member.screening_cleared").actor == head
        assert AuditEvent.objects.filter(type="member.joined").count() == 1
        assert [letter.recipient for letter in letters("joined")] == [colleague]
        assert [letter.recipient for letter in letters("joined_holder")] == [grant.person]

    def test_again_changes_nothing(self, head, held, now):
        clear(held, head, now)
        assert clear(held, head, now + timedelta(days=1)).joined_at == now
        assert AuditEvent.objects.filter(type="member.joined").count() == 1

    def test_it_wants_words(self, head, held, now):
        with pytest.raises(FieldErrors) as refused:
            clear(held, head, now, text=" ")
        assert set(refused.value.errors) == {"text"}

    def test_a_reviewer_the_holder_and_a_stranger_find_none(self, grant, held, now):
        for person in (make_reviewer(grant.repo), grant.person, held.person, make_user()):
            with pytest.raises(MembershipNotFound):
                clear(held, person, now)

    def test_nobody_clears_a_grant_of_their_own(self, now, colleague):
        grant = make_entity_grant(now=now)
        grant.repo.team.create(user=grant.person, role="administrator")
        membership = make_member(grant, colleague, now=now)
        with pytest.raises(ConflictOfInterest):
            clear(membership, grant.person, now)

    def test_not_an_invitation_nor_what_has_ended(self, grant, head, held, now):
        with pytest.raises(Conflict):
            clear(make_invitation(grant, make_user(), now=now), head, now)
        remove_member(actor=head, membership_id=held.pk, reason="It is them.", now=now)
        with pytest.raises(Conflict):
            clear(held, head, now)

    def test_a_grant_that_is_over_takes_nobody(self, grant, head, held, now):
        with pytest.raises(GrantIsOver):
            clear(held, head, grant.expires_at)

    def test_a_request_of_theirs_that_is_cleared_answers_for_both(
        self, grant, head, held, colleague, now
    ):
        request = make_request(grant.repo, colleague, now=now)
        dispose_screening(actor=head, request_id=request.pk, text=LOOKED, now=now)
        held.screening.refresh_from_db()
        assert held.screening.disposed_by == head
        assert clear(held, head, now).joined_at == now


def test_the_join_again_of_a_held_member_changes_nothing(grant, head, held, colleague, now):
    assert join(held, colleague, now + timedelta(days=1)).held_at == now
    assert Membership.objects.count() == Screening.objects.filter(membership=held).count() == 1


def test_a_week_without_a_word_is_told_once(head, held, now):
    assert tick(now + timedelta(days=6)) == {}
    assert tick(now + timedelta(days=7)) == {"check_late": 1}
    assert tick(now + timedelta(days=8)) == {}
    assert [letter.recipient for letter in letters("check_team")] == [head, head]


def test_the_page_shows_the_hit_to_who_clears_it_and_to_nobody_else(client, grant, head, held, now):
    page = f"/grants/{grant.pk}/members"
    client.force_login(grant.person)
    holders = client.get(page).text
    assert "Extra check" in holders
    assert "Review the check" not in holders
    client.force_login(head)
    assert f"person: “<bdi>{held.person.name}</bdi>”" in client.get(page).text
    refused = client.post(f"/memberships/{held.pk}/clear", {"text": ""}, follow=True)
    assert "Say what you looked at" in refused.text
    cleared = client.post(f"/memberships/{held.pk}/clear", {"text": LOOKED}, follow=True)
    assert "They are a member now" in cleared.text


def test_the_api_shows_the_hit_and_clears_it(grant, head, held):
    path = f"memberships/{held.pk}/check"
    assert by_token(head, Scope.REVIEW, repo_ids=[0]).get(path).status_code == 404
    api = by_token(head, Scope.REVIEW)
    shown = api.get(path).json()
    assert (shown["outcome"], shown["state"]["text"]) == ("hit", "Extra check")
    assert [hit["value"] for hit in shown["hits"]] == [held.person.name]
    assert fields_of(api.post(path, text="")) == {"text"}
    assert api.post(path, text=LOOKED).json()["joined_at"]
