"""An applicant's way through the pages, from the first step to the answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest, Grant
from portal.access.policy.conditions import Conditions
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.screening.lists import add_entry
from portal.catalog.services.licences import publish_licence_version, require_version_in_force
from tests.factories.access import ANSWERS, make_draft, make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import TERMS, make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def page(client: Client, alice) -> Client:
    client.force_login(alice)
    return client


def step_url(access_request: AccessRequest, step: str) -> str:
    return reverse("access:form", args=[access_request.pk, step])


def signing(person, repo, now, **changed) -> dict[str, str]:
    version = require_version_in_force(repo, now=now)
    ticks = {f"attest_{attestation['code']}": "on" for attestation in version.attestations}
    name = {"typed_name": person.display_name, "capacity": "person"}
    return {"text_sha256": version.sha256, **name, **ticks, **changed}


STEPS = {
    "you": ("name",),
    "organization": ("organization", "country", "sector"),
    "research": ("purpose", "outputs"),
    "access": ("compute",),
}


def test_the_whole_way_by_plain_posts(page, alice, repo, now):
    started = page.post(reverse("access:start", args=[repo.namespace.name, repo.name]))
    access_request = AccessRequest.objects.of(alice).get()
    assert started.url == step_url(access_request, "you")
    for step, names in STEPS.items():
        answers = {name: ANSWERS[name] for name in names}
        modes = {"modes": ["download"]} if step == "access" else {}
        assert page.post(step_url(access_request, step), answers | modes).status_code == 302
    signed = page.post(step_url(access_request, "licence"), signing(alice, repo, now))
    assert signed.url == step_url(access_request, "check")
    check = page.get(step_url(access_request, "check"))
    assert ANSWERS["purpose"] in check.text
    assert "Netherlands" in check.text
    sent = page.post(step_url(access_request, "check"), {"go": "yes"}, follow=True)
    assert "with the reviewers" in sent.text
    submission = access_request.submissions.get()
    assert submission.answers["modes"] == ["download"]
    assert submission.acceptance.ip == "127.0.0.1"


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(page, alice, repo):
    access_request = make_draft(repo, alice, purpose="", outputs="")
    posted = {"purpose": "Half a thought", "outputs": "  "}
    response = page.post(step_url(access_request, "research"), posted)
    assert response.status_code == 422
    assert response.text.count("Say what you intend to publish or release.") == 2
    assert "Half a thought" in response.text
    access_request.refresh_from_db()
    assert access_request.draft["purpose"] == "Half a thought"


def test_to_open_the_address_begins_nothing(page, alice, repo):
    """Crawlers, and browsers that look ahead, open it too."""
    start = reverse("access:start", args=[repo.namespace.name, repo.name])
    assert "Begin the request" in page.get(start).text
    assert not AccessRequest.objects.of(alice).exists()
    draft_url = page.post(start).url
    assert page.get(start).url == draft_url, "whoever has begun goes on"


def test_leaving_keeps_what_is_typed(page, alice, repo):
    access_request = make_draft(repo, alice)
    typed = {"organization": "", "country": "NL", "sector": "", "leave": "yes"}
    assert page.post(step_url(access_request, "organization"), typed).status_code == 302
    access_request.refresh_from_db()
    assert (access_request.draft["organization"], access_request.draft["country"]) == ("", "NL")


def test_a_draft_is_kept_while_typing(page, alice, repo):
    access_request = make_draft(repo, alice)
    typed = {"step": "research", "purpose": "So far", "outputs": ""}
    response = page.post(reverse("access:autosave", args=[access_request.pk]), typed)
    assert "Draft saved" in response.text
    access_request.refresh_from_db()
    assert access_request.draft["purpose"] == "So far"


def test_each_acknowledgement_is_ticked_singly(page, alice, repo, now):
    access_request = make_draft(repo, alice)
    posted = signing(alice, repo, now, typed_name="Somebody Else")
    del posted["attest_no_military"]
    response = page.post(step_url(access_request, "licence"), posted)
    assert response.status_code == 422
    assert "Confirm: No military use" in response.text
    assert "Type your full name as in your profile" in response.text
    assert 'value="Somebody Else"' in response.text


def test_a_new_licence_sends_back_to_the_signature(page, alice, repo, now):
    access_request = make_draft(repo, alice)
    page.post(step_url(access_request, "licence"), signing(alice, repo, now))
    publish_licence_version(
        actor=make_user(superuser=True),
        slug=repo.licence.slug,
        name=repo.licence.name,
        version="2.0",
        text="You may still study it.",
        attribution="As before.",
        terms=TERMS,
        now=now,
    )
    response = page.post(step_url(access_request, "check"), {"go": "yes"}, follow=True)
    assert response.redirect_chain[-1][0] == step_url(access_request, "licence")
    assert "newer version" in response.text
    access_request.refresh_from_db()
    assert access_request.draft["purpose"] == ANSWERS["purpose"]


def test_an_unproved_address_cannot_submit_and_loses_nothing(client, repo, now):
    newcomer = make_user("newcomer", verified=False)
    client.force_login(newcomer)
    access_request = make_draft(repo, newcomer)
    client.post(step_url(access_request, "licence"), signing(newcomer, repo, now))
    response = client.post(step_url(access_request, "check"), {"go": "yes"})
    assert response.status_code == 422
    assert "Confirm your e-mail address first" in response.text
    assert reverse("account_email") in response.text
    access_request.refresh_from_db()
    assert not access_request.submissions.exists()


def test_missing_answers_are_named_with_the_way_to_them(page, alice, repo):
    access_request = make_draft(repo, alice, sector="", compute=" ")
    response = page.post(step_url(access_request, "check"), {"go": "yes"})
    assert response.status_code == 422
    assert f"{step_url(access_request, 'organization')}?then=check" in response.text
    assert "Say what compute you have" in response.text


@pytest.mark.parametrize("name", ["request", "answer", "withdraw", "discard", "autosave"])
def test_a_stranger_finds_nothing(client, repo, name):
    access_request = make_request(repo)
    client.force_login(make_user("mallory"))
    url = reverse(f"access:{name}", args=[access_request.pk])
    response = client.get(url) if name == "request" else client.post(url, {"answer": "x"})
    assert response.status_code == 404
    assert client.get(step_url(access_request, "you")).status_code == 404


def test_a_question_is_answered_on_the_page(page, alice, repo, now):
    access_request = make_request(repo, alice, now=now)
    ask_question(
        reviewer=make_reviewer(repo), request_id=access_request.pk, text="Which data?", now=now
    )
    url = reverse("access:request", args=[access_request.pk])
    assert "Which data?" in page.get(url).text
    empty = page.post(reverse("access:answer", args=[access_request.pk]), {"answer": " "})
    assert empty.status_code == 422
    assert "Write an answer" in empty.text
    sent = page.post(
        reverse("access:answer", args=[access_request.pk]), {"answer": "Ours."}, follow=True
    )
    assert "You answered" in sent.text


def test_a_declined_request_says_why_and_begins_again(page, alice, repo, now):
    access_request = make_draft(repo, alice)
    page.post(step_url(access_request, "licence"), signing(alice, repo, now))
    page.post(step_url(access_request, "check"), {"go": "yes"})
    decline_request(
        reviewer=make_reviewer(repo),
        request_id=access_request.pk,
        reason_code="purpose_unclear",
        reason_text="Which question?",
        now=now,
    )
    text = page.get(reverse("access:request", args=[access_request.pk])).text
    assert "Which question?" in text
    again = page.post(reverse("access:start", args=[repo.namespace.name, repo.name]))
    draft = AccessRequest.objects.of(alice).open().get()
    assert again.url == step_url(draft, "you")  # the answers are kept, to be gone through again


def test_withdrawing_and_discarding(page, alice, repo, now):
    access_request = make_request(repo, alice, now=now)
    gone = page.post(reverse("access:withdraw", args=[access_request.pk]), follow=True)
    assert "You withdrew this request" in gone.text
    twice = page.post(reverse("access:withdraw", args=[access_request.pk]))
    assert twice.status_code == 409
    page.post(reverse("access:start", args=[repo.namespace.name, repo.name]))
    draft = AccessRequest.objects.of(alice).open().get()
    page.post(reverse("access:discard", args=[draft.pk]))
    assert not AccessRequest.objects.filter(pk=draft.pk).exists()


def test_an_approved_request_shows_the_commands(page, alice, repo):
    grant = make_grant(repo, alice)
    url = reverse("access:request", args=[grant.decision.request_id])
    text = page.get(url).text
    assert f"hf download {repo.full_name}" in text
    assert "Your access is open" in text
    again = page.get(reverse("access:start", args=[repo.namespace.name, repo.name]))
    assert "You already have access" in again.text
    assert repo.full_name in page.get(reverse("site:access")).text


def test_no_request_yet(page):
    assert "You haven’t asked for access yet" in page.get(reverse("site:access")).text


def test_a_held_request_says_what_is_done_and_until_when(page, alice, repo, now):
    operator = make_user(superuser=True)
    add_entry(actor=operator, kind="country", value="NL", note="", now=now)
    access_request = make_request(repo, alice, now=now)
    text = page.get(reverse("access:request", args=[access_request.pk])).text
    assert "in an extra check" in text
    assert "We are making an extra check" in text
    assert (
        reverse("access:certificate", args=[access_request.submissions.get().acceptance_id]) in text
    )


def test_what_is_proved_stands_apart_from_what_is_said(page, alice, repo, now):
    access_request = make_request(repo, alice, now=now)
    url = reverse("access:request", args=[access_request.pk])
    assert "Only said" in page.get(url).text
    assert "Prove where you work" in page.get(url).text


def test_the_list_costs_the_same_however_long(page, alice, now, django_assert_num_queries):
    make_request(make_repo(), alice, now=now)
    with CaptureQueriesContext(connection) as before:
        page.get(reverse("site:access"))
    for _ in range(3):
        make_request(make_repo(), alice, now=now)
    with django_assert_num_queries(len(before)):
        page.get(reverse("site:access"))


def test_a_request_approved_on_a_condition_leads_to_its_terms(page, alice, repo):
    """The wall's clock: the page asks whether the offer is still open."""
    now = timezone.now()
    access_request = make_request(repo, alice, now=now)
    grant = approve_request(
        reviewer=make_reviewer(repo),
        request_id=access_request.pk,
        modes=["inference"],
        expires_at=now + timedelta(days=90),
        conditions=Conditions(no_logits=True),
        now=now,
    )
    url = reverse("access:request", args=[access_request.pk])
    assert reverse("access:offer", args=[grant.pk]) in page.get(url).text
    Grant.objects.filter(pk=grant.pk).update(offer_expires_at=now - timedelta(days=1))
    assert "The offer was open until" in page.get(url).text
