"""A form's text survives a session that ended and a page that was open too long."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portal.accounts.models import AccessToken
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db

QUESTION = "Which checkpoints, and what for?"
OURS = {"Origin": "http://testserver"}


@pytest.fixture
def reviewer():
    person = make_reviewer(make_repo())
    person.set_password("a few plain words")
    person.save()
    return person


@pytest.fixture
def case(reviewer):
    return make_request(reviewer.team_memberships.get().repo)


def typed_by(person, page: str) -> str:
    """Return what a form of this page says of whom it was drawn for."""
    client = Client()
    client.force_login(person)
    return re.search('name="typed_by" value="([^"]+)"', client.get(page).text)[1]


def send_signed_out(case, person, *, headers=OURS, **fields):
    browser = Client(headers=headers)
    fields = {"text": QUESTION, "typed_by": typed_by(person, f"/queue/{case.pk}"), **fields}
    return browser, browser.post(f"/queue/{case.pk}/ask", fields)


def sign_in(browser: Client, person, answer) -> object:
    where = {"login": person.username, "password": "a few plain words"}
    return browser.post(answer["Location"], where, follow=True)


def test_it_stands_on_the_page_of_the_form_after_signing_in(reviewer, case):
    browser, answer = send_signed_out(case, reviewer)
    page = sign_in(browser, reviewer, answer)
    assert page.request["PATH_INFO"] == f"/queue/{case.pk}"
    assert "Nothing was sent." in page.text
    assert QUESTION in page.text
    assert "Which checkpoints" not in browser.get("/queue").text


def test_it_can_be_discarded(reviewer, case):
    browser, answer = send_signed_out(case, reviewer)
    assert "Discard what you typed" in sign_in(browser, reviewer, answer).text
    discarded = browser.post("/settings/typed/discard")
    assert discarded["Location"] == f"/queue/{case.pk}?open=ask"
    assert QUESTION not in browser.get(f"/queue/{case.pk}").text


def test_the_sign_in_page_says_that_it_is_kept(reviewer, case):
    browser, answer = send_signed_out(case, reviewer)
    message = "What you typed is kept: sign in"
    assert message in browser.get(answer["Location"]).text
    assert message not in Client().get(answer["Location"]).text


def test_a_prompt_is_kept_like_any_form(reviewer):
    browser = Client(headers=OURS)
    fields = {"prompt": "def main():", "typed_by": typed_by(reviewer, "/playground")}
    answer = browser.post("/playground", fields)
    assert answer["Location"] == "/accounts/login/?next=/playground"
    assert "def main():" in sign_in(browser, reviewer, answer).text


def test_it_is_gone_once_it_is_sent(reviewer, case):
    browser, answer = send_signed_out(case, reviewer)
    sign_in(browser, reviewer, answer)
    browser.post(f"/queue/{case.pk}/ask", {"text": QUESTION})
    assert "Nothing was sent." not in browser.get(f"/queue/{case.pk}").text


def test_nobody_else_is_shown_it(reviewer, case):
    browser, answer = send_signed_out(case, reviewer)
    other_reviewer = make_reviewer(case.repo)
    other_reviewer.set_password("a few plain words")
    other_reviewer.save()
    assert QUESTION not in sign_in(browser, other_reviewer, answer).text


def test_nothing_is_kept_of_what_another_site_sends(reviewer, case):
    """It would put its words into the person's mouth, and begin a session in their browser."""
    browser, answer = send_signed_out(
        case, reviewer, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 302
    assert "sessionid" not in browser.cookies


def test_nothing_is_kept_of_who_never_had_a_page_here(reviewer, case):
    browser, _ = send_signed_out(case, reviewer, typed_by=f"{reviewer.pk}:made-up")
    assert "sessionid" not in browser.cookies


def test_no_secret_is_kept(reviewer, case):
    browser, answer = send_signed_out(case, reviewer, password="hunter2 hunter2", new_token="wg_x")
    page = sign_in(browser, reviewer, answer)
    assert QUESTION in page.text
    assert "hunter2" not in page.text
    assert "wg_x" not in page.text


def test_a_form_that_was_open_too_long_leads_back_to_its_page(reviewer, case):
    browser = Client(enforce_csrf_checks=True, headers=OURS)
    browser.force_login(reviewer)
    fields = {"text": QUESTION, "typed_by": typed_by(reviewer, f"/queue/{case.pk}")}
    answer = browser.post(f"/queue/{case.pk}/ask?flag=clear", fields)
    assert answer.status_code == 403
    (back,) = re.findall('<a class="btn go big" href="([^"]+)"', answer.text)
    assert back == f"/queue/{case.pk}?flag=clear&amp;open=ask"
    assert QUESTION in browser.get(back.replace("&amp;", "&")).text


def test_who_is_signed_out_meanwhile_is_led_to_sign_in_and_back(reviewer, case):
    browser = Client(enforce_csrf_checks=True, headers=OURS)
    fields = {"text": QUESTION, "typed_by": typed_by(reviewer, f"/queue/{case.pk}")}
    answer = browser.post(f"/queue/{case.pk}/ask", fields)
    assert answer.status_code == 403
    assert "You’re signed out" in answer.text
    assert "open too long" not in answer.text
    (lead,) = re.findall('<a class="btn go big" href="([^"]+)"', answer.text)
    browser.handler.enforce_csrf_checks = False
    page = sign_in(browser, reviewer, {"Location": lead.replace("&amp;", "&")})
    assert page.request["PATH_INFO"] == f"/queue/{case.pk}"
    assert QUESTION in page.text


def test_a_fragment_is_told_in_place(reviewer, case):
    answer = Client(headers={**OURS, "HX-Request": "true", "HX-Target": "kept"}).post(
        "/requests/1/autosave", {"step": "research"}
    )
    assert answer.status_code == 401
    assert 'id="kept"' in answer.text
    assert "Not saved: sign in again." in answer.text
    assert "<html" not in answer.text


def test_a_step_of_a_request_is_kept_as_well(case):
    """It is sent to the address that shows it."""
    applicant = make_user()
    applicant.set_password("a few plain words")
    applicant.save()
    draft = make_draft(case.repo, applicant)
    page = f"/requests/{draft.pk}/form/research"
    browser = Client(headers=OURS)
    answer = browser.post(page, {"question": QUESTION, "typed_by": typed_by(applicant, page)})
    shown = sign_in(browser, applicant, answer)
    assert shown.request["PATH_INFO"] == page
    assert QUESTION in shown.text


def hidden_fields(page, address) -> list[tuple[str, str]]:
    """Return what the kept text's own form, sent to this address, would send."""
    (form,) = re.findall(rf'<form method="post" action="{address}">(.*?)</form>', page.text, re.S)[
        :1
    ]
    fields = re.findall('name="([^"]+)" value="([^"]*)"', form)
    assert "Send what you typed" in form
    return [(name, value) for name, value in fields if name not in ("csrfmiddlewaretoken",)]


def test_its_own_button_sends_what_was_typed_not_the_defaults_of_the_page(reviewer, case):
    address = f"/tokens/for/{case.repo.full_name}"
    typed = {"name": "cluster", "scopes": ["download", "infer"], "days": "30"}
    browser = Client(headers=OURS)
    answer = browser.post(address, typed | {"typed_by": typed_by(reviewer, address)})
    page = sign_in(browser, reviewer, answer)
    sent: dict[str, list[str]] = {}
    for name, value in hidden_fields(page, address):
        sent.setdefault(name, []).append(value)
    browser.post(address, sent)
    token = AccessToken.objects.get()
    assert (token.name, token.scopes) == ("cluster", ["download", "infer"])
    assert (token.expires_at - token.created_at).days == 30


def test_a_form_whose_page_is_found_by_its_fields_alone_has_one_too(reviewer, case):
    browser = Client(headers=OURS)
    fields = {"id": case.pk, "verdict": "declined", "reason_code": "commercial"}
    drawn_for = typed_by(reviewer, f"/queue/{case.pk}")
    answer = browser.post("/queue/bulk", fields | {"typed_by": drawn_for})
    page = sign_in(browser, reviewer, answer)
    assert ("reason_code", "commercial") in hidden_fields(page, "/queue/bulk")


def test_what_is_kept_in_part_is_not_sent_as_if_it_were_whole(reviewer, case):
    browser, answer = send_signed_out(case, reviewer, password="hunter2 hunter2")
    page = sign_in(browser, reviewer, answer)
    assert "Part of it isn’t kept" in page.text
    assert "Send what you typed" not in page.text


@pytest.mark.parametrize("name", ["tokens_per_day", "most_tokens_per_day", "max_tokens"])
def test_a_number_of_tokens_is_no_secret(reviewer, case, name):
    browser, answer = send_signed_out(case, reviewer, **{name: "123"})
    page = sign_in(browser, reviewer, answer)
    assert (name, "123") in hidden_fields(page, f"/queue/{case.pk}/ask")
