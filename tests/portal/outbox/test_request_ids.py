"""The log lines of a mail have the id of the HTTP request that queued it."""

from __future__ import annotations

import secrets

import pytest
from django.utils import timezone

from portal.observability.request_ids import bind_http_request_id, bound_to, http_request_id
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.networks import browser_elsewhere
from tests.portal.outbox.mails import queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(now) -> None:
    """Queue three mails: of two requests, and of the clock."""
    for request_id in ("0" * 16, "1" * 16, ""):
        with bound_to(request_id):
            queue(now, key=f"of {request_id}", subject="Hello")


def test_each_line_is_its_own_requests(now, queued, logged):
    with bound_to("2" * 16):  # of whoever hinted
        deliver_due(now=now)
        assert http_request_id() == "2" * 16
    keys = OutboxMessage.objects.in_bulk(field_name="key")
    for request_id in ("0" * 16, "1" * 16, ""):
        [entry] = logged.of(request_id or "-")
        assert entry["message"] == f"Mail {keys[f'of {request_id}'].pk} was sent: test"


def test_a_mail_that_is_put_off_is_found_as_well(now, queued, logged, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    deliver_due(now=now)
    [entry] = logged.of("0" * 16)
    assert "waits" in entry["message"]


def test_a_mail_is_found_by_the_answer_that_caused_it(logged):
    fields = {
        "name": "Ada Newcomer",
        "email": f"{secrets.token_hex(4)}@university.example",
        "username": "ada",
        "password1": "a few plain words, by Ada",
    }
    response = browser_elsewhere().post("/accounts/signup/", fields)
    assert response.status_code == 302
    bind_http_request_id("")
    assert deliver_due(now=timezone.now()) == 1
    assert "was sent" in logged.of(response["X-Request-Id"])[-1]["message"]
