"""A model’s form through the API: enough for a program to fill it in, and to sign."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.gate.question_versions import save_request_form
from portal.access.models import AccessRequest
from portal.access.requests.form.questions import REQUIRED_ANSWERS
from portal.accounts.models import Scope
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator
from tests.portal.api.api_calls import by_token, code_of, in_session

pytestmark = pytest.mark.django_db
OWN = [
    {
        "name": "storage",
        "type": "choice",
        "label": "Where will the weights be stored?",
        "help": "The machine, not the city.",
        "step": "access",
        "material": True,
        "choices": ["a cluster", "a laptop"],
        "shown_if": {"field": "modes", "equals": "download"},
    },
    {
        "name": "starts",
        "type": "date",
        "label": "When do you begin?",
        "step": "research",
        "required": False,
    },
]


@pytest.fixture
def repo() -> Any:
    repo = make_repo()
    save_request_form(
        actor=make_administrator(repo), repo_id=repo.pk, fields=OWN, now=timezone.now()
    )
    return repo


def form_of(repo: Any, api: Any = None) -> dict[str, Any]:
    response = (api or in_session(None)).get(f"models/{repo.full_name}/request-form")
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def test_it_has_what_every_lab_asks_and_the_labs_own_in_the_pages_order(repo):
    form = form_of(repo)
    questions = {question["name"]: question for question in form["questions"]}
    assert form["version"] == 1
    assert list(questions) == [
        "name", "position", "organization", "country", "sector", "purpose", "outputs", "starts",
        "modes", "compute", "storage",
    ]  # fmt: skip
    assert {name for name, question in questions.items() if question["required"]} == {
        *REQUIRED_ANSWERS,
        "storage",
    }
    assert questions["storage"] == {
        "name": "storage",
        "step": "access",
        "type": "choice",
        "label": "Where will the weights be stored?",
        "help": "The machine, not the city.",
        "required": True,
        "material": True,
        "is_own": True,
        "longest": None,
        "choices": [
            {"value": "a cluster", "label": "a cluster", "help": ""},
            {"value": "a laptop", "label": "a laptop", "help": ""},
        ],
        "shown_if": {"field": "modes", "equals": "download"},
    }
    assert {"value": "NL", "label": "Netherlands", "help": ""} in questions["country"]["choices"]
    modes = [choice["value"] for choice in questions["modes"]["choices"]]
    assert modes == ["download", "inference"]
    assert questions["purpose"]["type"] == "long_text"
    assert questions["purpose"]["longest"] == 5000


def test_a_program_fills_it_in_with_nothing_else_to_go_by(repo):
    person = make_user()
    api = in_session(person)
    form = form_of(repo, api)
    answers = {question["name"]: _answer(question) for question in form["questions"]}
    pk = api.post("requests", repo=repo.full_name).json()["id"]
    api.patch(f"requests/{pk}", answers=answers)
    signed = {
        "text_sha256": form["licence"]["sha256"],
        "typed_name": person.display_name,
        "capacity": form["capacities"][0],
        "attestations": [attestation["code"] for attestation in form["licence"]["attestations"]],
    }
    sent = api.post(f"requests/{pk}/submit", signature=signed)
    assert sent.status_code == 200, sent.content
    assert AccessRequest.objects.get(pk=pk).submissions.get().form.version == form["version"]


def _answer(question: dict[str, Any]) -> Any:
    values = [choice["value"] for choice in question["choices"]]
    match question["type"]:
        case "choices":
            return values
        case "choice" | "yes_no":
            return values[0]
        case "date":
            return "2027-03-31"
        case _:
            return "As asked."


def test_a_model_leads_to_its_form_and_to_the_words_of_its_licence(repo):
    api = by_token(make_user(), Scope.DOWNLOAD)
    url = api.get(f"models/{repo.full_name}").json()["request_form_url"]
    form = api.get(url).json()
    assert form["repo"] == repo.full_name
    licence = form["licence"]
    words = api.get(licence["url"]).json()
    assert words["sha256"] == licence["sha256"]
    assert words["attestations"] == licence["attestations"]


def test_a_lab_that_adds_nothing_has_version_0(repo):
    plain = make_repo()
    assert form_of(plain)["version"] == 0
    assert not any(question["is_own"] for question in form_of(plain)["questions"])


def test_a_newer_version_is_told_at_once(repo):
    save_request_form(
        actor=make_administrator(repo),
        repo_id=repo.pk,
        fields=OWN[:1],
        now=timezone.now() + timedelta(seconds=1),
    )
    form = form_of(repo)
    assert form["version"] == 2
    assert "starts" not in {question["name"] for question in form["questions"]}


def test_a_model_without_requests_says_so():
    repo = make_repo(gate="licence")
    api = in_session(make_user())
    refused = api.get(f"models/{repo.full_name}/request-form")
    assert (refused.status_code, code_of(refused)) == (409, "conflict")
    assert "needs no request" in refused.json()["error"]["message"]
    assert api.get(f"models/{repo.full_name}").json()["request_form_url"] is None


def test_a_private_model_has_no_form_for_strangers():
    repo = make_repo(private=True)
    api = in_session(make_user())
    assert api.get(f"models/{repo.full_name}/request-form").status_code == 404
    assert api.get("models/no/thing/request-form").status_code == 404
