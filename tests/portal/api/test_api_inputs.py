"""The API refuses a wrong value by the name of its field, and says what to send."""

from __future__ import annotations

from typing import Any

import pytest

from portal.access.models import Note
from portal.api.base.serializers import ConditionsInput
from portal.api.holds.serializers import PlaceInput
from portal.api.review.inputs import BulkInput, DeclareInput, NoteInput, QueueFilters
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.api.api_calls import fields_of, in_session

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["limit", "page"])
def test_a_page_is_asked_for_by_positive_whole_numbers(name):
    api = in_session(make_user())
    for value in ("abc", "0", "-1", "1.5", "", "last", "٣", "9" * 5000):
        refused = api.get("models", **{name: value})
        assert refused.status_code == 400, value
        assert refused.json()["error"]["fields"] == {name: "Send a whole number, 1 or more."}


def test_the_pages_of_the_queue_and_of_grants_are_numbers_too():
    api = in_session(make_user(superuser=True))
    repo = make_repo()
    assert fields_of(api.get("queue", after="abc")) == {"after"}
    assert fields_of(api.get("queue", before="0")) == {"before"}
    assert fields_of(api.get(f"models/{repo.full_name}/grants", page="abc")) == {"page"}


@pytest.mark.parametrize("text", [5, 1.5, True, ["a"], {}])
def test_a_note_is_a_text(text):
    repo = make_repo()
    case, reviewer = make_request(repo), make_reviewer(repo)
    refused = in_session(reviewer).post(f"queue/{case.pk}/notes", text=text)
    assert refused.status_code == 400
    assert refused.json()["error"]["fields"] == {"text": "Send a text."}
    assert not Note.objects.exists()


def errors_of(takes: type[Any], **body: Any) -> dict[str, Any]:
    serializer = takes(data=body)
    serializer.is_valid()
    return dict(serializer.errors)


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "", 1.0])
def test_a_boolean_is_true_or_false(value):
    assert errors_of(DeclareInput, has_conflict=value) == {"has_conflict": ["Send true or false."]}


@pytest.mark.parametrize("value", ["1", 1.0, 1.5, True, "many"])
def test_a_number_is_a_whole_number(value):
    assert errors_of(ConditionsInput, max_members=value) == {
        "max_members": ["Send a whole number."]
    }
    wrong = errors_of(BulkInput, requests=[value], verdict="declined")
    assert wrong == {"requests": {0: ["Send a whole number."]}}


def test_a_query_is_read_from_its_text():
    assert errors_of(QueueFilters, repo="5", after="7") == {}


def test_words_say_what_to_send():
    wrong = errors_of(PlaceInput, scope="zzz", subject=None, only_files="a", reason=3)
    assert wrong["scope"][0].startswith("Send one of: ")
    assert wrong["subject"] == ["This field can’t be null."]
    assert wrong["only_files"] == ["Send a list."]
    assert wrong["reason"] == ["Send a text."]
    assert errors_of(NoteInput) == {"text": ["This field is missing. Send it."]}


@pytest.mark.parametrize("body", ["[1]", '"a"', "7", "null"])
def test_a_body_is_an_object(body):
    client = in_session(make_user()).client
    refused = client.post("/api/v1/requests/", body, content_type="application/json")
    assert refused.json()["error"]["fields"] == {"body": "Send a JSON object."}


def test_the_message_of_several_errors_names_their_fields():
    error = in_session(None).get("record/verify").json()["error"]
    assert error["message"] == (
        "sequence: This field is missing. Send it. hash: This field is missing. Send it."
    )
    error = in_session(None).get("record/verify", sequence=1, hash="zz").json()["error"]
    assert error["message"] == "Send 16 to 64 characters of the hash: 0 to 9 and a to f."
