from __future__ import annotations

import json

import pytest
from django.utils import timezone

from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest, make_job


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def submit(hosted, guest):
    """Submit a request of five tokens, and at most three more."""

    def send(person=None, *, now=None, **fields):
        at = now or timezone.now()
        defaults = {"prompt": [2, 7, 9, 11, 13], "max_tokens": 3}
        return make_job(hosted, person or guest, now=at, **{**defaults, **fields})

    return send


@pytest.fixture
def key(guest):
    _, secret = make_token(guest, now=timezone.now())
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def post(client, hosted, key):
    """Send a request to /v1/completions."""

    def send(headers=None, **fields):
        body = {"model": hosted.full_name, "prompt": [2, 7, 9, 11, 13], "max_tokens": 3, **fields}
        return client.post(
            "/v1/completions",
            json.dumps(body),
            content_type="application/json",
            headers=headers or key,
        )

    return send
