"""The operators' home names what needs them and leads to where it is mended; figures in a bound."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.audit.models import AuditEvent
from portal.catalog.models import Blob, StorageFinding
from portal.outbox.models import OutboxMessage
from portal.site.operators.needs import needs_now
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
HOME = "/operators"


@pytest.fixture
def page(client):
    client.force_login(make_user(superuser=True))
    return client


@pytest.fixture
def letter(page):
    """Make a letter to an applicant that the mail server refused for good."""
    make_request(make_repo())
    receipt = OutboxMessage.objects.get(kind="receipt")
    OutboxMessage.objects.exclude(pk=receipt.pk).update(state="cancelled", cancelled_at=LONG_AGO)
    at = timezone.now()
    OutboxMessage.objects.filter(pk=receipt.pk).update(
        state="failed", due_at=at, created_at=at, attempts=9, last_error="550 no such user"
    )
    receipt.refresh_from_db()
    return receipt


def words(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def needs() -> dict[str, str]:
    return {need.text: need.url for need in needs_now(timezone.now())}


def queries(page, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert page.get(url).status_code == 200
    return len(captured)


def test_where_nothing_is_wrong_it_says_so(page):
    assert needs() == {}
    assert "Nothing needs you" in words(page.get(HOME))


def test_only_operators_have_it_in_their_navigation(client, page):
    assert f'href="{HOME}"' in page.get("/").text
    client.force_login(make_reviewer(make_repo()))
    assert f'href="{HOME}"' not in client.get("/").text
    assert client.get(HOME).status_code == 403


def test_a_letter_that_was_lost_leads_to_the_mail(page, letter):
    assert needs()["1 letter of the last 30 days could not be sent."] == "/operators/mail"
    text = page.get("/operators/mail").text
    assert letter.address in text
    assert "550 no such user" in text
    assert letter.subject not in text


def test_a_lost_letter_is_sent_again_and_recorded(page, letter):
    again = reverse("site:operators_mail_again", args=[letter.pk])
    response = page.post(again, follow=True)
    assert f"The letter is being sent again to {letter.address}." in words(response)
    copy = OutboxMessage.objects.get(state="queued")
    assert (copy.text, copy.recipient) == (letter.text, letter.recipient)
    assert AuditEvent.objects.filter(type="mail.resent").count() == 1


@pytest.mark.parametrize("changed", [{"state": "sent", "sent_at": LONG_AGO}, {"is_secret": True}])
def test_what_arrived_or_holds_a_secret_link_is_not_sent_again(page, letter, changed):
    OutboxMessage.objects.filter(pk=letter.pk).update(**changed)
    again = reverse("site:operators_mail_again", args=[letter.pk])
    assert page.post(again).status_code == 404
    assert not OutboxMessage.objects.filter(state="queued").exists()


def test_a_finding_of_the_store_leads_to_the_storage(page):
    StorageFinding.objects.create(kind="missing", sha256="0" * 64, found_at=timezone.now())
    assert needs() == {"Bytes are gone: 1 blob of the store.": "/record/storage"}


def test_a_hosted_model_without_a_worker_leads_to_the_workers(page):
    repo = make_repo(hosted=True)
    assert needs() == {f"{repo.full_name} is served by no worker.": "/operators/workers"}
    assert repo.full_name in page.get("/operators/workers").text


def test_late_cases_without_a_team_lead_to_the_gate_where_one_is_named(page):
    case = make_request(make_repo())
    case.repo.team.all().delete()
    case.repo.namespace.seats.all().delete()
    AccessRequest.objects.update(due_at=LONG_AGO)
    gate = f"/gates/{case.repo.full_name}"
    assert needs() == {f"1 overdue case of {case.repo.full_name}, which has no team.": gate}
    make_reviewer(case.repo)
    assert needs() == {}


def test_the_gate_shows_ages_weeks_and_models(page, now):
    reviewer = make_reviewer(make_repo())
    repo = reviewer.team_memberships.get().repo
    ago = [timezone.now() - timedelta(days=days) for days in (1, 10, 40)]
    cases = [make_request(repo, now=at) for at in (*ago, ago[0], ago[0])]
    approve(cases[3], reviewer, ago[0])
    decline(cases[4], reviewer, ago[0])
    text = words(page.get("/operators/gate"))
    assert "0 to 7 days 1 7 to 14 days 1 14 to 30 days 0 over 30 days 1" in text
    assert "2 50 % approved" in text
    assert f"{repo.full_name} 3 1 40" in text


def test_the_storage_says_what_each_model_takes(page, tmp_path):
    revision = make_revision(make_repo(), tmp_path / "files")
    Blob.objects.update(checked_at=LONG_AGO)
    response = page.get("/record/storage")
    (use,) = response.context["models"]
    total = response.context["total"]
    assert use.repo == revision.repo
    assert (use.size_bytes, use.blobs) == (total.size_bytes, total.blobs)
    assert use.unchecked == 0


@pytest.mark.parametrize("url", [HOME, "/operators/gate", "/operators/mail", "/record/storage"])
def test_many_rows_cost_as_many_queries_as_few(page, letter, url, tmp_path):
    repo = make_repo()
    make_revision(repo, tmp_path / "first")
    page.get(url)
    few = queries(page, url)
    for number in range(4):
        make_request(make_repo())
        make_revision(make_repo(), tmp_path / str(number))
    OutboxMessage.objects.update(state="failed", due_at=timezone.now())
    assert queries(page, url) <= few + 1


def test_empty_pages_say_why(page):
    assert "No case is open." in words(page.get("/operators/gate"))
    assert "Every letter of the last 30 days left." in words(page.get("/operators/mail"))
    assert "No letter waits." in words(page.get("/operators/mail", {"state": "queued"}))
    assert "No model has files yet." in words(page.get("/record/storage"))
    assert "No model is hosted." in words(page.get("/operators/workers"))
