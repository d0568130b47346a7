"""Operators check the installation on a page, and nobody else does."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.doctor.examination import DoctorCheck
from portal.doctor.findings import fault, ok
from tests.factories.accounts import make_user
from tests.live import free_port

pytestmark = pytest.mark.django_db


def test_an_operator_reads_what_is_wrong_and_what_to_do(client, monkeypatch):
    monkeypatch.setattr(
        "portal.site.views.checks.CHECKS",
        (
            DoctorCheck("disk", "Disk", lambda: [ok("There is room.")]),
            DoctorCheck("broker", "Redis", lambda: [fault("It is <away>.", "Start `redis <it>`.")]),
        ),
    )
    client.force_login(make_user(superuser=True))
    before = client.get(reverse("site:checks")).content.decode()
    assert "There is room." not in before
    page = client.post(reverse("site:checks")).content.decode()
    assert "1 fault to mend" in page
    assert "It is &lt;away&gt;." in page
    assert "Start <code>redis &lt;it&gt;</code>." in page


@pytest.mark.django_db(transaction=True)
def test_it_answers_while_redis_is_away(client, settings):
    client.force_login(make_user(superuser=True))
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = client.post(reverse("site:checks"))
    assert answer.status_code == 200
    assert "REDIS_URL" in answer.content.decode()


def test_others_are_refused(client):
    client.force_login(make_user())
    assert client.get(reverse("site:checks")).status_code == 403
    assert client.post(reverse("site:checks")).status_code == 403
