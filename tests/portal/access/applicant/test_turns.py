"""Every page tells alike what waits for a person, and offers nothing that is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.pending_actions import pending_actions_of, renewable_by, turn_count
from portal.access.grants.renewals import is_renewable
from portal.access.policy.permissions import Reason
from portal.access.policy.policy import Action, may
from portal.access.review.asking import ask_question
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_entity_grant, make_invitation, make_member, make_offer

pytestmark = pytest.mark.django_db


@pytest.fixture
def today():
    return timezone.now()


def read(client, person, address) -> str:
    client.force_login(person)
    return " ".join(client.get(address).content.decode().split())


def asked(today):
    case = make_request(make_repo(), now=today)
    reviewer = make_reviewer(case.repo)
    ask_question(reviewer=reviewer, request_id=case.pk, text="Why?", now=today)
    return case.applicant, "Answer the question"


def offered(today):
    return make_offer(now=today).person, "Read and sign"


def invited(today):
    grant, person = make_entity_grant(now=today), make_user()
    make_invitation(grant, person, now=today)
    return person, "Read the terms and join"


def ending(today):
    return make_grant(make_repo(), now=today - timedelta(days=320)).person, "Renew access"


@pytest.mark.parametrize("situation", [asked, offered, invited, ending])
def test_it_is_counted_on_every_page_and_listed_with_what_to_do(client, today, situation):
    person, act = situation(today)
    (turn,) = pending_actions_of(person, today)
    assert turn.act_label == act
    assert turn_count(person, today) == 1
    page = read(client, person, "/access")
    assert "Waiting for you" in page
    assert f'<a href="{turn.url}">{act}</a>' in page
    assert "You haven’t asked for access yet" not in page
    assert 'Access <span class="count">1</span>' in read(client, person, "/tokens")


@pytest.mark.parametrize("situation", [asked, offered, invited, ending])
def test_the_models_page_names_the_same_act(client, today, situation):
    person, _ = situation(today)
    (turn,) = pending_actions_of(person, today)
    page = read(client, person, f"/{turn.repo.full_name}")
    assert f'href="{turn.url.partition("#")[0]}' in page


def test_nothing_waits_for_who_has_acted(client, today):
    person = make_member(make_entity_grant(now=today), now=today).person
    assert pending_actions_of(person, today) == []
    assert turn_count(person, today) == 0
    page = read(client, person, "/access")
    assert "Waiting for you" not in page
    assert "Open to you" in page
    assert "as a member" in page


def test_the_count_costs_one_query(today, django_assert_num_queries):
    person, _ = invited(today)
    with django_assert_num_queries(1):
        assert turn_count(person, today) == 1


def test_what_may_be_renewed_is_what_the_grant_says_of_itself():
    person, moment = make_user(), LONG_AGO + timedelta(days=365)
    for days_left in (-40, -10, 1, 59, 70):
        make_grant(make_repo(), person, days=365 + days_left)
    grants = {grant.pk for grant in person.grants.all() if is_renewable(grant, moment)}
    assert {grant.pk for grant in renewable_by(person, moment)} == grants
    assert len(grants) == 3


def test_an_invited_person_is_told_to_join_and_not_to_ask(today):
    grant, person = make_entity_grant(now=today), make_user()
    membership = make_invitation(grant, person, now=today)
    permission = may(person, Action.DOWNLOAD, grant.repo, today)
    assert permission.reason == Reason.INVITED
    assert permission.help_url == f"/memberships/{membership.pk}"


def test_a_closed_grant_is_not_offered_for_use(client, today):
    grant = make_grant(make_repo(), now=today)
    close_grant(
        holder=grant.person, grant_id=grant.pk, statement="Done.", deleted_copies=True, now=today
    )
    page = read(client, grant.person, "/access?view=requests")
    assert "Closed by its holder" in page
    assert "Use the model" not in page


def test_a_model_page_says_until_when_it_is_open(client, today):
    grant = make_grant(make_repo(), now=today)
    page = read(client, grant.person, f"/{grant.repo.full_name}")
    assert f"It’s open to you until {grant.expires_at:%A} {grant.expires_at.day} " in page


def test_an_operator_reads_that_others_decide(client, today):
    make_request(make_repo(), now=today)
    reviewer = make_reviewer(make_repo())
    assert "Every request is decided" in read(client, reviewer, "/queue")
    type(reviewer).objects.filter(pk=reviewer.pk).update(is_superuser=True)
    page = read(client, reviewer, "/queue")
    assert "1 request waits with its team" in page
    assert "Every request is decided" not in page


@pytest.mark.parametrize("situation", [offered, invited])
def test_who_has_only_to_sign_is_led_there(client, today, situation):
    person, act = situation(today)
    (turn,) = pending_actions_of(person, today)
    start = reverse("access:start", args=turn.repo.full_name.split("/"))
    page = read(client, person, start)
    assert act in page
    assert turn.url in page
    client.post(start)
    assert person.access_requests.exists() == (situation is invited)
    assert "You give" not in read(client, person, f"/{turn.repo.full_name}")


def test_a_member_is_told_that_they_need_not_ask(client, today):
    membership = make_member(make_entity_grant(now=today), now=today)
    start = reverse("access:start", args=membership.grant.repo.full_name.split("/"))
    page = read(client, membership.person, start)
    assert "You work with this model under someone’s grant already" in page
    assert "Begin the request" in page
