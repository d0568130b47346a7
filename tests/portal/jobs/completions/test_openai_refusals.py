"""Refusals of /v1 have the form that the openai client reads."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from portal.jobs import hosting
from portal.jobs.models import Job
from portal.parsing.json import LARGEST_BODY_BYTES
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_hosted, make_job
from tests.portal.jobs.completions.bad_fields import BAD


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def bearer():
    def headers(person, *scopes):
        _, secret = make_token(person, *scopes, now=timezone.now())
        return {"Authorization": f"Bearer {secret}"}

    return headers


@pytest.fixture
def post(client):
    def send(body, headers, path="/v1/completions"):
        content = body if isinstance(body, bytes) else json.dumps(body)
        return client.post(path, content, content_type="application/json", headers=headers)

    return send


def refusal(response, status):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


PATHS = [("get", "/v1/models"), ("get", "/v1/models/a/b"), ("post", "/v1/completions")]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wg_mistyped"}])
def test_without_a_sound_key_nothing_is_told(client, db, method, path, headers):
    error = refusal(getattr(client, method)(path, headers=headers), 401)
    assert error["code"] == "invalid_api_key"


def test_a_session_is_no_key(client, guest):
    client.force_login(guest)
    refusal(client.get("/v1/models"), 401)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nonsense", b"\xff", b"[" * 100_000])
def test_invalid_json_is_a_400(post, bearer, guest, body):
    refusal(post(body, bearer(guest)), 400)


def test_a_bad_field_is_named(post, bearer, hosted, guest):
    key = bearer(guest)
    for field, value in BAD:
        body = {"model": hosted.full_name, "prompt": "x", field: value}
        assert refusal(post(body, key), 400)["param"] == field, value
    assert not Job.objects.exists()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [99_999]}, "prompt"),
        ({"prompt": [5] * 90, "max_tokens": CONTEXT_LENGTH}, "max_tokens"),
        ({"prompt": "x", "logprobs": 6}, "logprobs"),
    ],
)
def test_refusals_come_before_the_first_byte_of_a_stream(
    post, bearer, hosted, guest, fields, param, stream
):
    body = {"model": hosted.full_name, "stream": stream, **fields}
    assert refusal(post(body, bearer(guest)), 400)["param"] == param


def test_a_body_too_large_is_a_413(post, bearer, hosted, guest):
    body = {"model": hosted.full_name, "prompt": "x" * LARGEST_BODY_BYTES}
    assert refusal(post(body, bearer(guest)), 413)["code"] == "too_large"


def test_a_prompt_may_hold_any_character(post, bearer, hosted, guest):
    body = {"model": hosted.full_name, "prompt": "a\0b", "max_tokens": CONTEXT_LENGTH}
    assert refusal(post(body, bearer(guest)), 400)["param"] == "max_tokens"


def test_an_unknown_model_is_a_404(post, bearer, client, guest):
    error = refusal(post({"model": "no/such", "prompt": "x"}, bearer(guest)), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    refusal(client.get("/v1/models/no/such", headers=bearer(guest)), 404)


def test_without_access_it_is_a_403_that_says_where_to_ask(post, bearer, hosted):
    error = refusal(post({"model": hosted.full_name, "prompt": "x"}, bearer(make_user())), 403)
    assert f"/requests/new/{hosted.full_name}" in error["message"]


def test_a_token_without_the_scope_is_a_403(post, bearer, hosted, guest):
    body = {"model": hosted.full_name, "prompt": "x"}
    refusal(post(body, bearer(guest, "download")), 403)


def test_over_the_quota_is_a_429_that_says_when(post, bearer, hosted, guest, settings):
    settings.DAILY_TOKENS = 20
    make_job(hosted, guest, now=timezone.now(), prompt=[5], max_tokens=9)
    response = post({"model": hosted.full_name, "prompt": "x", "max_tokens": 12}, bearer(guest))
    assert refusal(response, 429)["code"] == "rate_limit_exceeded"
    assert 0 < int(response["Retry-After"]) <= 86_401


def test_without_a_live_worker_it_is_a_503_that_says_when(post, bearer, hosted, guest):
    hosting.stop_beating(hosted.full_name)
    response = post({"model": hosted.full_name, "prompt": "x"}, bearer(guest))
    assert refusal(response, 503)["code"] == "model_loading"
    assert int(response["Retry-After"]) > 0


def test_chat_with_a_base_model_is_pointed_to_completions(post, bearer, hosted, guest):
    body = {"model": hosted.full_name, "messages": [{"role": "user", "content": "x"}]}
    response = post(body, bearer(guest), "/v1/chat/completions")
    assert "/v1/completions" in refusal(response, 400)["message"]


@pytest.mark.parametrize(
    ("field", "form"),
    [("structured_outputs", {"regex": "a+"}), ("response_format", {"type": "json_object"})],
)
def test_a_form_that_the_models_engine_does_not_hold_text_to_is_refused_by_name(
    post, bearer, hosted, guest, field, form
):
    response = post({"model": hosted.full_name, "prompt": "x", field: form}, bearer(guest))
    error = refusal(response, 400)
    assert error["param"] == field
    assert "the engine that serves it can’t do that" in error["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/nothing"])
def test_what_is_not_offered_is_a_404(client, bearer, guest, path):
    refusal(client.get(path, headers=bearer(guest)), 404)


@pytest.mark.parametrize("path", ["/tokenizer_info", "/tokenize"])
def test_probes_at_the_root_are_a_404(client, db, path):
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/v1/completions"), ("post", "/v1/models"), ("delete", "/v1/models/a/b")],
)
def test_other_methods_are_a_405_without_a_cookie(client, db, method, path):
    response = getattr(client, method)(path)
    refusal(response, 405)
    assert not response.cookies


def test_models_are_those_that_are_hosted_and_visible(client, bearer, hosted, model, guest):
    make_hosted(model, private=True)
    response = client.get("/v1/models", headers=bearer(guest)).json()
    assert response["object"] == "list"
    assert [model["id"] for model in response["data"]] == [hosted.full_name]
    answer = client.get(f"/v1/models/{hosted.full_name.replace('/', '%2F')}", headers=bearer(guest))
    assert answer.json() == response["data"][0]
    assert set(answer.json()) == {"id", "object", "created", "owned_by", "x_weightgate"}
