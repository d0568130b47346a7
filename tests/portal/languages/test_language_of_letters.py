"""A letter to a researcher is in their language as a whole; to people of a lab, in English."""

from __future__ import annotations

import pytest
from django.utils import translation

from portal.access.letters.mailer import scope_of
from portal.access.letters.preview import letters_before
from portal.access.letters.requests import send_receipt
from portal.access.letters.team.requests import tell_submitted
from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.accounts.services import issue_token
from portal.audit.heads import Head
from portal.formatting import whole_date
from portal.outbox.models import OutboxMessage
from portal.outbox.services import resend_mail
from portal.outbox.templates import save_letter_template
from tests.factories.access import make_request
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


def speaking(person: User, language: str) -> None:
    person.language = language
    person.save()


def day_in(language: str, case: AccessRequest) -> str:
    assert case.due_at
    with translation.override(language):
        return whole_date(case.due_at)


def words_of(letter: OutboxMessage) -> str:
    return " ".join(letter.text.split())


def receipt_of(case: AccessRequest, now) -> OutboxMessage:
    send_receipt(case, number=9, head=None, now=now)
    return OutboxMessage.objects.get(key=f"request-{case.pk}-receipt-9")


@pytest.mark.parametrize("language", ["de", "en"])
def test_an_applicant_reads_their_own_whoever_acts(language, now):
    case = make_request(make_repo(), now=now)
    speaking(case.applicant, language)
    with translation.override("en" if language == "de" else "de"):
        letter = receipt_of(case, now)
    assert letter.language == language
    assert day_in(language, case) in words_of(letter)
    assert f'<html lang="{language}">' in letter.html


def test_a_german_letter_has_nothing_in_english(now):
    case = make_request(make_repo(), now=now)
    speaking(case.applicant, "de")
    send_receipt(case, number=9, head=Head(now.date(), 4711, "5f2b91c0a7d3e846"), now=now)
    letter = OutboxMessage.objects.get(key=f"request-{case.pk}-receipt-9")
    assert "Kettenspitze vom" in letter.text
    assert "Record" not in letter.text
    # After a comma German would go on in lower case; the paragraph is a sentence of its own.
    assert letter.text.startswith(f"Guten Tag {case.applicant.display_name}!")


def test_the_team_is_told_that_the_letter_goes_out_in_german(now):
    case = make_request(make_repo(), now=now)
    assert letters_before(case)["ask"].language == ""
    speaking(case.applicant, "de")
    before = letters_before(case)["ask"]
    assert before.language == "de"
    assert before.words.subject == "A question about your request"


def test_who_chose_none_reads_english(now):
    case = make_request(make_repo(), now=now)
    with translation.override("de"):
        letter = receipt_of(case, now)
    assert letter.language == "en"
    assert letter.text.startswith(f"Dear {case.applicant.display_name},")


def test_the_team_reads_english_whoever_acts(now):
    repo = make_repo()
    reviewer = make_reviewer(repo)
    speaking(reviewer, "de")
    case = make_request(repo, now=now)
    OutboxMessage.objects.all().delete()
    with translation.override("de"):
        tell_submitted(case, now=now)
    letter = OutboxMessage.objects.get(recipient=reviewer)
    assert letter.language == "en"
    assert "This letter holds no secret" in letter.text
    assert day_in("en", case) in words_of(letter)


def test_in_the_teams_own_words_it_is_in_english_around_them(now):
    repo = make_repo()
    case = make_request(repo, now=now)
    speaking(case.applicant, "de")
    facts = ["repo", "reference", "due", "record", "applicant"]
    save_letter_template(
        actor=make_reviewer(repo),
        scope=scope_of(repo),
        kind="receipt",
        subject="Good day",
        paragraphs="{repo} {reference} {due} {record}",
        allowed=facts,
        now=now,
    )
    letter = receipt_of(case, now)
    assert letter.language == "en"
    assert day_in("en", case) in words_of(letter)


def test_sent_again_it_stays_in_its_language(now):
    case = make_request(make_repo(), now=now)
    speaking(case.applicant, "de")
    letter = receipt_of(case, now)
    letter.state, letter.sent_at = OutboxMessage.State.SENT, now
    letter.save()
    speaking(case.applicant, "en")
    again = resend_mail(actor=case.applicant, message_id=letter.pk, now=now)
    assert again.language == "de"


def test_the_letter_that_confirms_an_address_is_in_the_language_of_the_page(client):
    values = {
        "name": "Ada Newcomer",
        "email": "newcomer@university.example",
        "username": "ada",
        "password1": PASSWORD,
    }
    client.post("/accounts/signup/", values, headers={"Accept-Language": "de"})
    letter = OutboxMessage.objects.get(address=values["email"])
    assert letter.language == "de"
    assert letter.subject == "Bestätigen Sie Ihre Adresse"
    assert "Folgen Sie diesem Link" in letter.text


def test_a_notice_to_an_account_is_in_its_owners_language(now):
    person = make_user()
    speaking(person, "de")
    issue_token(owner=person, name="Rechner", scopes=["download"], days=30, now=now)
    letter = OutboxMessage.objects.get(kind="token_issued")
    assert letter.language == "de"
    assert "Es läuft am 23. Dezember 2026 ab." in words_of(letter)
    assert letter.text.startswith("Guten Tag ")


@pytest.mark.parametrize(("chosen", "kept"), [("", "de"), ("en", "en")])
def test_who_signs_in_on_a_german_page_is_written_to_in_german(client, chosen, kept):
    person = make_user()
    speaking(person, chosen)
    values = {"login": person.username, "password": PASSWORD}
    client.post("/accounts/login/", values, headers={"Accept-Language": "de"})
    assert client.session["_auth_user_id"] == str(person.pk)
    person.refresh_from_db()
    assert person.language == kept
