"""The rows of the queue: their words, their order and groups, and what is done in the list."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Assignment
from portal.access.review.asking import ask_question
from portal.access.review.assignment import claim_request
from portal.access.review.queue.filters import Filters
from portal.access.review.queue.position import next_to_decide, position_in_queue
from tests.factories.access import make_proved_request, make_request
from tests.factories.accounts import LONG_AGO
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_hold

pytestmark = pytest.mark.django_db
QUEUE = "/queue"


@pytest.fixture
def page(client, reviewer):
    client.force_login(reviewer)
    return client


@pytest.fixture
def cases(repo):
    """Make four cases, submitted on four days, of which the first waits for its applicant."""
    made = [make_request(repo, now=LONG_AGO + timedelta(days=day)) for day in range(4)]
    asker = make_reviewer(repo)
    ask_question(reviewer=asker, request_id=made[0].pk, text="Which data?", now=timezone.now())
    return made


def words(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def shown(response) -> list[int]:
    return [int(key) for key in re.findall(r'id="case-(\d+)"', response.text)]


def test_the_first_due_stands_first_and_what_is_paused_stands_apart(page, cases):
    due_at = timezone.now() + timedelta(days=2)
    AccessRequest.objects.filter(pk=cases[1].pk).update(due_at=due_at)
    due_at = timezone.now() + timedelta(days=20)
    AccessRequest.objects.filter(pk=cases[2].pk).update(due_at=due_at)
    response = page.get(QUEUE)
    assert shown(response) == [cases[at].pk for at in (3, 1, 2, 0)]
    heads = re.findall(r'scope="rowgroup">\s*([^<]+?)\s*<span>(\d+)</span>', response.text)
    groups = ("Overdue", "Due within 3 days", "Due later", "Paused: the applicant is asked")
    assert heads == [(group, "1") for group in groups]


def test_the_walk_goes_from_what_runs_to_what_is_paused(page, cases, reviewer):
    now = timezone.now()
    asked, *running = (AccessRequest.objects.get(pk=case.pk) for case in cases)
    last = position_in_queue(running[-1], reviewer, Filters(), now)
    assert (last.number, last.previous, last.next) == (3, running[1].pk, asked.pk)
    paused = position_in_queue(asked, reviewer, Filters(), now)
    assert (paused.number, paused.previous, paused.next) == (4, running[-1].pk, None)
    assert next_to_decide(running[-1], reviewer, Filters(), now) is None


def test_pages_turn_from_what_runs_to_what_is_paused(page, cases, monkeypatch):
    monkeypatch.setattr("portal.access.review.queue.listing.PAGE_SIZE", 2)
    expected = [cases[at].pk for at in (1, 2, 3, 0)]
    assert shown(page.get(QUEUE)) == expected[:2]
    assert shown(page.get(QUEUE, {"after": expected[1]})) == expected[2:]
    assert shown(page.get(QUEUE, {"before": expected[3]})) == expected[1:3]


def test_a_row_says_what_of_the_claim_is_proved(page, repo):
    proved = make_proved_request(repo)
    claimed = make_request(repo)
    text = words(page.get(QUEUE))
    first, second = text.split(proved.reference, 1)[1].split(claimed.reference, 1)
    assert "4 of 4" in first
    assert "2 of 4 , not organization, country and sector" in second


def test_a_flag_stands_in_the_row(page, repo, now):
    case = make_proved_request(repo)
    make_hold(case.applicant, repo, now=now)
    assert "1 flag: a hold" in words(page.get(QUEUE))


def test_a_row_says_who_has_it(page, repo, reviewer, now):
    mine, theirs, _ = (make_request(repo, now=LONG_AGO + timedelta(days=day)) for day in range(3))
    colleague = make_reviewer(repo)
    claim_request(reviewer=reviewer, request_id=mine.pk, now=now)
    claim_request(reviewer=colleague, request_id=theirs.pk, now=now)
    text = page.get(QUEUE).text
    assert text.count("Hand back") == 1
    assert text.count('data-row-key="c"') == 2
    assert f"<span><bdi>{colleague.display_name}</bdi></span>" in text
    assert shown(page.get(QUEUE, {"view": "mine"})) == [mine.pk]
    assert "Mine 1" in words(page.get(QUEUE))


def test_claiming_in_the_list_leads_back_to_its_row(page, repo, reviewer):
    case = make_request(repo)
    sent = {"list": "view=new&q=study"}
    claimed = page.post(reverse("access:claim", args=[case.pk]), sent)
    assert claimed.url == f"/queue?view=new&q=study#case-{case.pk}"
    assert Assignment.objects.get(ended_at=None).reviewer == reviewer
    handed = page.post(reverse("access:release", args=[case.pk]), sent)
    assert handed.url == f"/queue?view=new&q=study#case-{case.pk}"
    assert not Assignment.objects.filter(ended_at=None).exists()


def test_the_head_leads_to_the_oldest_that_one_may_take(page, cases, now):
    claim_request(reviewer=make_reviewer(cases[0].repo), request_id=cases[1].pk, now=now)
    response = page.get(QUEUE, {"flag": "unclear"})
    assert response.context["start"] == cases[2].pk
    assert f'href="/queue/{cases[2].pk}?flag=unclear"' in response.text
    assert page.get(QUEUE, {"view": "waiting"}).context["start"] is None


def test_the_rows_are_as_dense_as_they_were_left(page, cases):
    assert 'class="queue"' in page.get(QUEUE).text
    page.cookies["queue_rows"] = "compact"
    assert 'class="queue compact"' in page.get(QUEUE).text


def test_only_countries_that_occur_are_offered(page, cases):
    AccessRequest.objects.filter(pk=cases[2].pk).update(country="KE")
    text = page.get(QUEUE, {"country": "FR"}).text
    offered = re.findall(r'<option value="([A-Z]{2})"', text)
    assert offered == ["FR", "KE", "NL"]


def test_an_answer_to_a_question_puts_the_case_in_its_place_again(page, cases, reviewer):
    assert shown(page.get(QUEUE))[-1] == cases[0].pk
    AccessRequest.objects.filter(pk=cases[0].pk).update(state="in_review")
    assert shown(page.get(QUEUE))[0] == cases[0].pk
