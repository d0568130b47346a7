"""An applicant’s whole way through the API: draft, submission, question, correction, end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from portal.audit.models import AuditEvent
from tests.factories.access import ANSWERS, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.api.api_calls import code_of, fields_of, in_session, signature

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Any:
    return make_repo()


@pytest.fixture
def person() -> Any:
    return make_user()


def drafted(api: Any, repo: Any, **changed: Any) -> int:
    begun = api.post("requests", repo=repo.full_name)
    assert begun.status_code == 201, begun.content
    pk = begun.json()["id"]
    saved = api.patch(f"requests/{pk}", answers={**ANSWERS, "modes": ["download"], **changed})
    assert saved.status_code == 200, saved.content
    return int(pk)


def asked(repo: Any, person: Any) -> AccessRequest:
    request = make_request(repo, person, now=timezone.now() - timedelta(days=1))
    ask_question(
        reviewer=make_reviewer(repo),
        request_id=request.pk,
        text="Where?",
        now=timezone.now() - timedelta(hours=1),
    )
    return request


def test_a_draft_is_begun_once_kept_and_submitted(repo, person):
    api = in_session(person)
    pk = drafted(api, repo)
    assert api.post("requests", repo=repo.full_name).json()["id"] == pk

    sent = api.post(f"requests/{pk}/submit", signature=signature(repo, person)).json()

    assert sent["state"] == "in_review"
    assert sent["allowed_acts"] == ["correct", "withdraw"]
    assert sent["answers"]["purpose"] == ANSWERS["purpose"]
    assert AuditEvent.objects.filter(type="request.submitted", target_id=str(pk)).count() == 1
    assert [row["id"] for row in api.get("requests").json()["results"]] == [pk]


def test_submitting_again_is_told_that_it_moved_on(repo, person):
    api = in_session(person)
    pk = drafted(api, repo)
    api.post(f"requests/{pk}/submit", signature=signature(repo, person))

    again = api.post(f"requests/{pk}/submit", signature=signature(repo, person))

    assert again.status_code == 409
    assert api.patch(f"requests/{pk}", answers={"purpose": "Other"}).status_code == 409
    assert api.delete(f"requests/{pk}").status_code == 409


def test_every_missing_answer_and_wrong_name_is_told_by_field(repo, person):
    api = in_session(person)
    pk = drafted(api, repo, purpose="", country="Atlantis")

    lacking = api.post(f"requests/{pk}/submit", signature=signature(repo, person))
    assert lacking.status_code == 400
    assert fields_of(lacking) == {"answers.purpose", "answers.country"}

    api.patch(f"requests/{pk}", answers={"purpose": "Why", "country": "NL"})
    unsigned = api.post(
        f"requests/{pk}/submit",
        signature=signature(repo, person, typed_name="Somebody", attestations=[]),
    )
    assert fields_of(unsigned) == {"signature.typed_name", "signature.attestations"}
    stale = api.post(
        f"requests/{pk}/submit", signature=signature(repo, person, text_sha256="0" * 64)
    )
    assert (stale.status_code, code_of(stale)) == (409, "licence_changed")


@pytest.mark.parametrize("name", ["signature", "colour"])
def test_an_answer_to_what_is_not_asked_is_refused_by_its_name(repo, person, name):
    api = in_session(person)
    pk = drafted(api, repo)

    refused = api.patch(f"requests/{pk}", answers={name: "x"})

    assert refused.status_code == 400
    assert fields_of(refused) == {f"answers.{name}"}
    assert name not in AccessRequest.objects.get(pk=pk).draft


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"repo": "a/b", "model": "a/b"}, {"model"}),
        ({}, {"repo"}),
        ({"repo": "a\x00b"}, {"repo"}),
        ({"repo": ["a/b"]}, {"repo"}),
    ],
)
def test_a_body_of_another_shape_names_what_is_wrong(person, body, named):
    refused = in_session(person).post("requests", **body)
    assert refused.status_code == 400
    assert fields_of(refused) == named


@pytest.mark.parametrize(
    "answers",
    [
        {"purpose": {"a": 1}},
        {"modes": [["download"]]},
        {"purpose": "\ud800"},
        {"purpose": 5 * [7.5]},
    ],
)
def test_odd_answers_end_in_words_not_in_a_server_error(repo, person, answers):
    api = in_session(person)
    pk = drafted(api, repo)
    saved = api.patch(f"requests/{pk}", answers=answers)
    assert saved.status_code in (200, 400), saved.content


def test_a_draft_is_discarded_once(repo, person):
    api = in_session(person)
    pk = drafted(api, repo)
    assert api.delete(f"requests/{pk}").status_code == 204
    assert api.delete(f"requests/{pk}").status_code == 404


def test_a_question_is_answered_with_a_change(repo, person):
    request = asked(repo, person)
    api = in_session(person)
    assert "answer" in api.get(f"requests/{request.pk}").json()["allowed_acts"]

    answered = api.post(
        f"requests/{request.pk}/answer", answer="In Delft.", changes={"compute": "Two nodes."}
    )

    assert answered.json()["state"] == "in_review"
    assert answered.json()["questions"][0]["answer"] == "In Delft."
    assert [s["number"] for s in api.get(f"requests/{request.pk}/snapshots").json()["results"]] == [
        1,
        2,
    ]
    (change,) = api.get(f"requests/{request.pk}/differences").json()["results"]
    assert [row["name"] for row in change["rows"]] == ["compute"]
    assert api.post(f"requests/{request.pk}/answer", answer="Again").status_code == 409


def test_a_correction_that_changes_nothing_makes_no_snapshot(repo, person):
    request = make_request(repo, person, now=timezone.now())
    api = in_session(person)
    api.post(f"requests/{request.pk}/correct", changes={"outputs": ANSWERS["outputs"]})
    assert request.submissions.count() == 1
    api.post(f"requests/{request.pk}/correct", changes={"outputs": "A thesis."})
    assert request.submissions.count() == 2
    refused = api.post(f"requests/{request.pk}/correct", changes={"signature": "x"})
    assert fields_of(refused) == {"changes.signature"}


def test_withdrawing_ends_it_and_again_is_told_so(repo, person):
    request = make_request(repo, person, now=timezone.now())
    api = in_session(person)
    assert api.post(f"requests/{request.pk}/withdraw").json()["state"] == "withdrawn"
    assert api.post(f"requests/{request.pk}/withdraw").status_code == 409


def test_a_decline_is_appealed_once(repo, person):
    now = timezone.now()
    request = make_request(repo, person, now=now - timedelta(days=2))
    decline_request(
        reviewer=make_reviewer(repo),
        request_id=request.pk,
        reason_code="commercial",
        reason_text="A product.",
        now=now - timedelta(days=1),
    )
    api = in_session(person)
    shown = api.get(f"requests/{request.pk}").json()
    assert shown["decision"]["reason_code"] == "commercial"
    assert shown["appealable_until"]
    assert fields_of(api.post(f"requests/{request.pk}/appeal", text=" ")) == {"text"}
    assert (
        api.post(f"requests/{request.pk}/appeal", text="A thesis.").json()["state"] == "in_review"
    )
    assert api.post(f"requests/{request.pk}/appeal", text="A thesis.").status_code == 409


def test_history_tells_the_applicant_no_reviewers_name(repo, person):
    request = asked(repo, person)
    events = in_session(person).get(f"requests/{request.pk}/events").content.decode()
    assert "The team asked" in events


OF_A_REQUEST = [
    ("get", "", {}),
    ("patch", "", {"answers": {}}),
    ("delete", "", {}),
    ("post", "/submit", {}),
    ("post", "/answer", {}),
    ("post", "/correct", {}),
    ("post", "/withdraw", {}),
    ("post", "/resume", {}),
    ("post", "/appeal", {}),
    ("get", "/events", {}),
    ("get", "/snapshots", {}),
    ("get", "/differences", {}),
]


def test_to_a_stranger_it_is_not_there_whatever_they_send(repo, person):
    request = make_request(repo, person, now=timezone.now())
    stranger = in_session(make_user())
    for method, rest, body in OF_A_REQUEST:
        response = getattr(stranger, method)(f"requests/{request.pk}{rest}", **body)
        assert response.status_code == 404, (method, rest)
