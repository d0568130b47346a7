"""The list that a case was opened from stays around it: place, neighbours, what opens next."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO
from tests.factories.catalog import make_reviewer

pytestmark = pytest.mark.django_db
CLEAR = "?flag=clear"
UNTIL = (timezone.now() + timedelta(days=365)).date().isoformat()
DECISIONS = [
    ("approve", {"modes": ["download"], "until": UNTIL}),
    ("ask", {"text": "Which data?"}),
    ("decline", {"reason_code": "commercial", "reason_text": "A product."}),
    ("declare", {"statement": "We wrote a paper together."}),
]


@pytest.fixture
def cases(repo):
    """Make four cases, of which the second and the fourth stand in the view."""
    made = [make_request(repo, now=LONG_AGO + timedelta(days=day)) for day in range(4)]
    clear = [made[1].pk, made[3].pk]
    AccessRequest.objects.filter(pk__in=clear).update(evidence_is_clear=True)
    return made


@pytest.fixture
def page(client, repo):
    client.force_login(make_reviewer(repo))
    return client


def test_a_case_is_opened_within_its_list(page, cases):
    assert f'href="/queue/{cases[1].pk}{CLEAR}"' in page.get(f"/queue{CLEAR}").text
    assert f'href="/queue/{cases[1].pk}"' in page.get("/queue").text


def test_its_place_and_its_neighbours_are_those_of_the_list(page, cases):
    text = page.get(f"/queue/{cases[1].pk}{CLEAR}").text
    assert "1 of 2" in text
    assert f'href="/queue/{cases[3].pk}{CLEAR}"' in text
    assert f"/queue/{cases[2].pk}" not in text
    assert f'href="/queue{CLEAR}#case-{cases[1].pk}"' in text
    assert "2 of 4" in page.get(f"/queue/{cases[1].pk}").text


def test_a_list_in_another_order_is_walked_in_that_order(page, cases):
    for case, days in zip(cases, (4, 3, 2, 1), strict=True):
        due_at = LONG_AGO + timedelta(days=days)
        AccessRequest.objects.filter(pk=case.pk).update(due_at=due_at)
    text = page.get(f"/queue/{cases[1].pk}?flag=overdue").text
    assert "3 of 4" in text
    assert text.index(f"/queue/{cases[2].pk}?") < text.index(f"/queue/{cases[0].pk}?")


@pytest.mark.parametrize(("verb", "posted"), DECISIONS)
def test_what_opens_next_is_the_next_of_the_list(page, cases, verb, posted):
    answer = page.post(f"/queue/{cases[1].pk}/{verb}{CLEAR}", posted)
    assert answer.url == f"/queue/{cases[3].pk}{CLEAR}"


@pytest.mark.parametrize(("verb", "posted"), DECISIONS)
def test_at_its_end_the_list_opens_and_no_case_out_of_order(page, cases, verb, posted):
    answer = page.post(f"/queue/{cases[3].pk}/{verb}{CLEAR}", posted)
    assert answer.url == f"/queue{CLEAR}"


def test_whatever_is_sent_from_a_case_carries_its_list(page, cases):
    """An error, a claim, an undo: each comes back within it."""
    case = f"/queue/{cases[1].pk}"
    sent = page.post(f"{case}/ask{CLEAR}", {"text": ""}).text
    assert f'action="{case}/ask{CLEAR}"' in sent
    assert f'href="{case}{CLEAR}"' in sent
    assert page.post(f"{case}/claim{CLEAR}").url == f"{case}{CLEAR}"
    page.post(f"{case}/decline{CLEAR}", DECISIONS[2][1])
    assert f'action="{case}/undo{CLEAR}"' in page.get(f"/queue{CLEAR}").text
    assert page.post(f"{case}/undo{CLEAR}").url == f"{case}{CLEAR}"


def test_every_form_of_a_case_carries_it(page, cases):
    text = page.get(f"/queue/{cases[1].pk}{CLEAR}").text
    actions = [form.split('"')[0] for form in text.split('action="/queue/')[1:]]
    assert actions
    assert {urlsplit(action).query for action in actions} == {"flag=clear"}
