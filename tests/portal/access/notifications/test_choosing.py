"""People choose what they are told of, on a page and by the API; each change is on the record."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.access.letters.team.choices import choices_of
from portal.access.models import DigestItem, NotificationChoice, TeamEvent
from portal.audit.models import AuditEvent
from tests.factories.access import make_request
from tests.factories.accounts import make_token, make_user
from tests.portal.world import bearer

pytestmark = pytest.mark.django_db
DEFAULTS = {event.value: "daily" if event == "decided" else "at_once" for event in TeamEvent}


@pytest.fixture
def page() -> str:
    return reverse("access:notifications")


def test_the_page_stores_what_is_chosen(client, reviewer, page):
    client.force_login(reviewer)
    assert "Somebody asks for access" in client.get(page).content.decode()
    response = client.post(page, DEFAULTS | {"new_request": "daily", "answer": "never"})
    assert response.status_code == 302
    chosen = choices_of(reviewer)
    assert (chosen[TeamEvent.NEW_REQUEST], chosen[TeamEvent.ANSWER]) == ("daily", "never")
    event = AuditEvent.objects.get(type="account.notifications_chosen")
    assert event.data["changed"] == {"new_request": "daily", "answer": "never"}
    client.post(page, DEFAULTS | {"new_request": "daily", "answer": "never"})
    assert AuditEvent.objects.filter(type="account.notifications_chosen").count() == 1


def test_a_wrong_choice_is_named_and_nothing_is_stored(client, reviewer, page):
    client.force_login(reviewer)
    response = client.post(page, DEFAULTS | {"answer": "never", "decided": "at_once"})
    assert response.status_code == 422
    assert "Choose “In the daily digest” or “Never”." in response.content.decode()
    assert not NotificationChoice.objects.exists()


def test_the_profile_leads_there(client, reviewer, page):
    client.force_login(reviewer)
    assert page in client.get(reverse("accounts:profile")).content.decode()


def test_who_works_no_gate_reads_when_it_will_matter(client, page):
    client.force_login(make_user())
    assert "You are on no team yet" in client.get(page).content.decode()


def test_what_one_wants_to_hear_of_no_more_leaves_the_digest(
    client, repo, reviewer, choose, page, now
):
    choose(reviewer, "new_request", "daily")
    make_request(repo, now=now)
    assert DigestItem.objects.filter(reader=reviewer).count() == 1
    client.force_login(reviewer)
    client.post(page, DEFAULTS | {"new_request": "never"})
    assert not DigestItem.objects.filter(reader=reviewer).exists()


class TestByTheApi:
    url = "/api/v1/notifications/"

    def change(self, client, reviewer, **body):
        client.force_login(reviewer)
        return client.patch(self.url, body, content_type="application/json")

    def test_a_session_changes_them_and_any_token_reads_them(self, client, reviewer):
        response = self.change(client, reviewer, appeal="daily")
        assert response.json() == DEFAULTS | {"appeal": "daily"}
        assert choices_of(reviewer)[TeamEvent.APPEAL] == "daily"
        client.logout()
        headers = bearer(make_token(reviewer, "download")[1])
        assert client.get(self.url, headers=headers).json() == DEFAULTS | {"appeal": "daily"}

    def test_a_wrong_value_names_its_field(self, client, reviewer):
        response = self.change(client, reviewer, decided="at_once")
        assert response.status_code == 400
        assert list(response.json()["error"]["fields"]) == ["decided"]
        assert not NotificationChoice.objects.exists()
