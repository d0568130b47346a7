"""Each letter has a Message-ID that servers accept, and by which a bounce is known."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from portal.outbox.models import OutboxMessage
from portal.outbox.naming import keys_in
from portal.outbox.services import deliver_due, read_bounce
from tests.portal.outbox.mails import queue
from tests.portal.outbox.test_read_bounce import WHOLE, report

pytestmark = pytest.mark.django_db
ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
RFC_5322 = re.compile(rf"<{ATOM}(\.{ATOM})*@({ATOM}(\.{ATOM})*|\[[!-Z^-~]*\])>", re.ASCII)


@pytest.mark.parametrize(
    ("sender", "base_url", "domain"),
    [
        ("gate@lab.example", "https://weights.example.edu", "lab.example"),
        ("Example Lab <gate@Lab.example>", "https://weights.example.edu", "Lab.example"),
        ("gate@bücher.example", "https://weights.example.edu", "xn--bcher-kva.example"),
        ("weightgate@localhost", "https://weights.example.edu:8443", "weights.example.edu"),
        ("weightgate@localhost", "http://127.0.0.1:8000", "127.0.0.1"),
        ("weightgate@localhost", "http://[::1]:8000", "[IPv6:::1]"),
        ("weightgate@localhost", "http://localhost:8000", "localhost"),
    ],
)
def test_it_ends_in_a_domain_of_ours(now, settings, sender, base_url, domain):
    settings.SITE_NAME = "Example Lab Weights"
    settings.DEFAULT_FROM_EMAIL, settings.BASE_URL = sender, base_url
    queue(now, "letter-1")
    deliver_due(now=now)
    named = str(mail.outbox[0].message()["Message-ID"])
    assert named == f"<letter-1@{domain}>"
    assert RFC_5322.fullmatch(named)
    assert keys_in(named) == ["letter-1"]


@pytest.mark.parametrize("end", ["weightgate", "example lab weights", "lab.example", "[IPv6:::1]"])
def test_a_bounce_is_known_by_the_old_form_and_the_new(now, end):
    queue(now, "letter-1")
    queue(now, "later")
    deliver_due(now=now)
    returned = WHOLE.replace("@weightgate>", f"@{end}>")
    assert read_bounce(raw=report("letter-1", returned), now=now).letter == "letter-1"
    assert OutboxMessage.objects.get(state="bounced").key == "letter-1"
