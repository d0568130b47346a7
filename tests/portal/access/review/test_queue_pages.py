"""The reviewers' queue and a case, up to its decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Grant
from portal.access.requests.answering import answer_question
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import approve_request
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db
QUEUE = "/queue"


@pytest.fixture
def reviewer(repo):
    return make_reviewer(repo, username="reviewer-of-it")


@pytest.fixture
def page(client, reviewer):
    client.force_login(reviewer)
    return client


def made(repo, days: int, **changed) -> AccessRequest:
    return make_request(repo, now=LONG_AGO + timedelta(days=days), **changed)


def queries(page, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert page.get(url).status_code == 200
    return len(captured)


def approval(**changed) -> dict[str, object]:
    until = (timezone.now() + timedelta(days=365)).date().isoformat()
    return {"modes": ["download"], "until": until, **changed}


def test_oldest_first_whatever_the_order_they_were_made_in(page, repo):
    younger, older = made(repo, 5), made(repo, 2)
    text = page.get(QUEUE).text
    assert text.index(f"/queue/{older.pk}") < text.index(f"/queue/{younger.pk}")


def test_as_many_queries_for_ten_as_for_one(page, repo):
    made(repo, 1)
    page.get(QUEUE)
    few = queries(page, QUEUE)
    for day in range(9):
        made(repo, day)
    assert queries(page, QUEUE) == few


def test_views_part_what_is_new_answered_and_waiting(page, repo, reviewer, now):
    new, waiting, answered = made(repo, 1), made(repo, 2), made(repo, 3)
    for case in (waiting, answered):
        ask_question(reviewer=reviewer, request_id=case.pk, text="Which data?", now=now)
    told_at = now + timedelta(minutes=10)
    whose = {"applicant": answered.applicant, "request_id": answered.pk}
    answer_question(**whose, answer="Ours.", now=told_at)
    for view, expected in {"new": new, "waiting": waiting, "answered": answered}.items():
        text = page.get(QUEUE, {"view": view}).text
        shown = [case for case in (new, waiting, answered) if f"/queue/{case.pk}" in text]
        assert shown == [expected]


def test_search_finds_names_and_answers(page, repo):
    wanted, other = made(repo, 1, organization="Lakeside Institute"), made(repo, 2)
    text = page.get(QUEUE, {"q": "lakeside"}).text
    assert f"/queue/{wanted.pk}" in text
    assert f"/queue/{other.pk}" not in text
    assert "No matches" in page.get(QUEUE, {"q": "zzz"}).text


def test_the_queue_is_for_teams(client):
    client.force_login(make_user("mallory"))
    response = client.get(QUEUE)
    assert response.status_code == 403
    assert "people who review" in response.text


def test_other_repos_requests_and_my_own_are_not_there(page, repo, reviewer):
    foreign, own = made(make_repo(), 1), make_request(repo, reviewer)
    for access_request in (foreign, own):
        assert page.get(reverse("access:case", args=[access_request.pk])).status_code == 404
        response = page.post(reverse("access:approve", args=[access_request.pk]), approval())
        assert response.status_code in (403, 404)
    assert not Grant.objects.exists()


def test_a_case_shows_what_is_proved_and_what_is_said(page, repo):
    access_request = made(repo, 1, organization="Lakeside Institute")
    text = page.get(reverse("access:case", args=[access_request.pk])).text
    assert access_request.applicant.email in text
    assert "Lakeside Institute" in text
    assert access_request.submissions.get().acceptance.text_sha256 in text
    assert "The work is noncommercial" in text


@pytest.mark.parametrize(
    ("verb", "posted", "state"),
    [
        ("approve", approval(), "approved"),
        ("ask", {"text": "Which data?"}, "needs_info"),
        ("decline", {"reason_code": "commercial", "reason_text": "A product."}, "declined"),
    ],
)
def test_deciding_opens_the_next_case(page, repo, verb, posted, state):
    first, second = made(repo, 1), made(repo, 2)
    response = page.post(reverse(f"access:{verb}", args=[first.pk]), posted)
    assert response.url == reverse("access:case", args=[second.pk])
    first.refresh_from_db()
    assert first.state == state
    last = page.post(reverse(f"access:{verb}", args=[second.pk]), posted)
    assert last.url == reverse("access:queue")


def test_a_grant_lasts_through_the_day_that_was_chosen(page, repo):
    access_request = made(repo, 1)
    posted = approval()
    until = posted["until"]
    page.post(reverse("access:approve", args=[access_request.pk]), posted)
    response = page.get(reverse("access:case", args=[access_request.pk]))
    grants = Grant.objects.filter(decision__request=access_request)
    assert [f"{grant.expires_at:%Y-%m-%d %H:%M}" for grant in grants] == [f"{until} 23:59"]
    assert "Approved" in response.text


@pytest.mark.parametrize(
    ("verb", "posted", "words"),
    [
        ("approve", {"modes": [], "until": ""}, "Choose at least one kind of access to give."),
        ("approve", approval(until="2001-01-01"), "Choose an end date after today"),
        ("ask", {"text": " "}, "Write the question"),
        ("decline", {"reason_code": "", "reason_text": "A product."}, "Choose the reason"),
    ],
)
def test_what_is_missing_stands_beside_its_field(page, repo, verb, posted, words):
    access_request = made(repo, 1)
    response = page.post(reverse(f"access:{verb}", args=[access_request.pk]), posted)
    assert response.status_code == 422
    assert words in response.text
    if verb == "decline":
        assert "A product." in response.text
    access_request.refresh_from_db()
    assert access_request.state == "in_review"


def test_a_second_decision_says_that_the_request_has_moved_on(page, repo, now):
    access_request = made(repo, 1)
    colleague = make_reviewer(repo)
    approve_request(
        reviewer=colleague,
        request_id=access_request.pk,
        modes=["download"],
        expires_at=now + timedelta(days=9),
        now=now,
    )
    posted = {"reason_code": "commercial", "reason_text": "A product."}
    response = page.post(reverse("access:decline", args=[access_request.pk]), posted)
    assert response.status_code == 409
    assert "Nothing was changed" in response.text
    assert 'popovertarget="approve"' not in response.text


def test_who_administers_may_end_an_access(client, repo, reviewer):
    access_request = made(repo, 1)
    client.force_login(reviewer)
    client.post(reverse("access:approve", args=[access_request.pk]), approval())
    revoke = reverse("access:revoke", args=[access_request.pk])
    assert client.post(revoke, {"reason": "A breach."}).status_code == 403
    client.force_login(make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR))
    assert client.post(revoke, {"reason": " "}).status_code == 422
    ended = client.post(revoke, {"reason": "A breach."}, follow=True)
    assert "Ended by the lab" in ended.text
    assert Grant.objects.get().revoked_at
