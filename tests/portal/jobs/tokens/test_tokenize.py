"""Text is turned into ids, and back, for whoever may prompt the model."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.jobs import CONTEXT_LENGTH, make_guest

PLACES = {"/v1/tokenize": {"prompt": "The water"}, "/v1/detokenize": {"tokens": [2, 5]}}


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def ask(client, hosted, guest):
    return asking(client, hosted, guest)


def asking(client, hosted, guest):
    """Return what posts a body for a model, and returns the answer."""

    def send(path, body, person=guest, status=200, scopes=()):
        _, secret = make_token(person, *scopes, now=timezone.now())
        response = client.post(
            path,
            json.dumps({"model": hosted.full_name, **body}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert response.status_code == status, response.content
        return response.json() if status == 200 else response.json()["error"]

    return send


def test_a_text_gets_the_ids_that_a_prompt_has(ask, hosted):
    model = hosted_model(hosted.revisions.get())
    answer = ask("/v1/tokenize", {"prompt": "The water"})
    ids = model.encode("The water")
    assert answer == {
        "count": len(ids),
        "max_model_len": CONTEXT_LENGTH,
        "tokens": ids,
        "token_strs": None,
    }
    assert not Job.objects.exists()


def test_special_tokens_may_be_left_out(ask):
    start, *rest = ask("/v1/tokenize", {"prompt": "The water"})["tokens"]
    bare = ask("/v1/tokenize", {"prompt": "The water", "add_special_tokens": False})
    assert bare["tokens"] == rest
    assert ask("/v1/detokenize", {"tokens": [start]})["prompt"] == "</s>"


def test_tokens_are_spelt_as_the_vocabulary_does(ask):
    answer = ask("/v1/tokenize", {"prompt": "a é", "return_token_strs": True})
    assert len(answer["token_strs"]) == answer["count"]
    assert answer["token_strs"][0] == "</s>"
    assert "Ġ" in "".join(answer["token_strs"])


def test_a_text_comes_back_as_it_went(ask):
    for text in ["", "The water", "naïve \u2603 🌊\n\t", "a\0b", "x " * 500]:
        ids = ask("/v1/tokenize", {"prompt": text, "add_special_tokens": False})["tokens"]
        assert ask("/v1/detokenize", {"tokens": ids})["prompt"] == text


def test_no_worker_is_needed(ask, hosted):
    redis_client().flushdb()
    assert ask("/v1/tokenize", {"prompt": "x"})["count"] == 2


BAD = [
    ("/v1/tokenize", {"prompt": None}, "prompt"),
    ("/v1/tokenize", {"prompt": ["x"]}, "prompt"),
    ("/v1/tokenize", {"prompt": "x", "add_special_tokens": 1}, "add_special_tokens"),
    ("/v1/tokenize", {"prompt": "x", "model": ""}, "model"),
    ("/v1/tokenize", {"messages": []}, "messages"),
    ("/v1/detokenize", {"tokens": None}, "tokens"),
    ("/v1/detokenize", {"tokens": "12"}, "tokens"),
    ("/v1/detokenize", {"tokens": [1.5]}, "tokens"),
    ("/v1/detokenize", {"tokens": [-1]}, "tokens"),
    ("/v1/detokenize", {"tokens": [10**9]}, "tokens"),
    ("/v1/detokenize", {"tokens": [True]}, "tokens"),
]


def test_a_bad_field_is_named(ask):
    for path, body, field in BAD:
        assert ask(path, body, status=400)["param"] == field, body


def test_who_may_not_prompt_the_model_is_refused(client, ask, hosted):
    hidden = make_repo(private=True, hosted=True).full_name
    for path, body in PLACES.items():
        assert ask(path, body, make_user(), status=403)["code"] == "no_access"
        assert ask(path, body, status=403, scopes=["download"])
        for name in ("no/such", hidden):
            error = ask(path, {**body, "model": name}, status=404)
            assert (error["code"], error["param"]) == ("model_not_found", "model")
        assert client.post(path, {}, content_type="application/json").status_code == 401
        response = client.get(path)
        assert (response.status_code, response["Allow"]) == (405, "POST")


def test_it_counts_with_the_prompts(ask, settings):
    settings.PROMPT_BYTES_PER_MINUTE = 10
    much = {"prompt": "x" * 11, "tokens": [5] * 3}
    for path, body in PLACES.items():
        redis_client().flushdb()
        ask(path, body)
        assert "10 bytes" in ask(path, body, status=429)["message"]
        assert ask(path, {**body, **much}, status=400)["param"] in much
