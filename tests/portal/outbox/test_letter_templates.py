"""A lab's own words for its letters: kept, filled, previewed, taken back."""

from __future__ import annotations

import logging

import pytest

from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import LetterTemplate
from portal.outbox.templates import (
    LetterWords,
    edited_words,
    preview,
    render_letter,
    reset_letter_template,
    save_letter_template,
)
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db
SCOPE, KIND = "repo:12", "receipt"
DEFAULT = LetterWords("We have your request", ["It arrived. Its reference is {reference}."])
FACTS = {"reference": "0007", "applicant": "Researcher Name", "note": ""}
OWN = "Dear {applicant},\r\n\r\nthank you.\r\n\r\n\r\nYour reference: {reference}"


@pytest.fixture
def save(now):
    actor = make_user()

    def saved(**changed) -> LetterTemplate:
        fields = {
            "actor": actor,
            "scope": SCOPE,
            "kind": KIND,
            "subject": "Thank you, {applicant}",
            "paragraphs": OWN,
            "allowed": FACTS.keys(),
            "now": now,
        }
        return save_letter_template(**fields | changed)

    return saved


def render(facts: dict[str, str] = FACTS, scope: str = SCOPE) -> LetterWords:
    return render_letter(scope, KIND, DEFAULT, facts)


def events() -> list[str]:
    return list(
        AuditEvent.objects.filter(type__startswith="letter.").values_list("type", flat=True)
    )


def test_without_words_of_its_own_the_default_is_filled():
    assert render() == LetterWords("We have your request", ["It arrived. Its reference is 0007."])


def test_the_labs_words_are_filled(save):
    save()
    assert render() == LetterWords(
        "Thank you, Researcher Name",
        ["Dear Researcher Name,", "thank you.", "Your reference: 0007"],
    )


def test_another_scope_keeps_its_own(save):
    save()
    assert render(scope="repo:1").subject == "We have your request"


def test_a_fact_that_looks_like_a_placeholder_is_left_as_it_is(save):
    save()
    facts = FACTS | {"applicant": "{reference} {strange}"}
    assert render(facts).subject == "Thank you, {reference} {strange}"


def test_a_fact_that_is_empty_leaves_no_empty_paragraph(save):
    save(paragraphs="Hello.\n\n{note}")
    assert render().paragraphs == ["Hello."]


def test_words_whose_facts_are_gone_give_way_to_the_default(save, caplog):
    save()
    with caplog.at_level(logging.WARNING):
        assert render({"reference": "0007"}).subject == "We have your request"
    assert "repo:12 for receipt" in caplog.text


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"subject": "Dear {applicnt}"}, "subject", "{applicnt} can’t be filled in here"),
        ({"subject": "Dear {applicnt}"}, "subject", "{applicant}, {note}, {reference}"),
        ({"paragraphs": "Dear {Applicant }"}, "paragraphs", "{Applicant } can’t"),
        ({"paragraphs": "{applicant.password}"}, "paragraphs", "can’t be filled in"),
        ({"paragraphs": "{}"}, "paragraphs", "{} can’t be filled in"),
        ({"subject": " "}, "subject", "Give the letter a subject"),
        ({"subject": "x" * 121}, "subject", "within 120"),
        ({"paragraphs": " \r\n "}, "paragraphs", "Write the letter"),
        ({"paragraphs": "x" * 8001}, "paragraphs", "within 8000"),
        ({"paragraphs": "Hello", "required": ["note"]}, "paragraphs", "must say {note}"),
    ],
)
def test_words_that_cannot_be_kept_say_why(save, changed, field, says):
    with pytest.raises(FieldErrors) as caught:
        save(**changed)
    assert says in caught.value.errors[field]
    assert not LetterTemplate.objects.exists()
    assert events() == []


def test_saving_is_recorded_once_for_the_same_words(save, now):
    template = save()
    save()
    assert events() == ["letter.edited"]
    event = AuditEvent.objects.get(type="letter.edited")
    assert (event.actor, event.data["scope"]) == (template.updated_by, SCOPE)
    assert "thank you" not in str(event.data)


def test_editing_again_changes_the_one_that_stands(save):
    save()
    save(subject="Thanks")
    assert LetterTemplate.objects.get().subject == "Thanks"
    assert events() == ["letter.edited", "letter.edited"]


def test_resetting_goes_back_to_the_default(save, now):
    actor = save().updated_by
    assert reset_letter_template(actor=actor, scope=SCOPE, kind=KIND, now=now) is True
    assert edited_words(SCOPE, KIND) is None
    assert render().subject == "We have your request"
    assert events() == ["letter.edited", "letter.reset"]


def test_resetting_again_changes_nothing(now):
    assert reset_letter_template(actor=make_user(), scope=SCOPE, kind=KIND, now=now) is False
    assert events() == []


def test_a_preview_keeps_nothing():
    words = LetterWords("To {applicant}", ["{reference}"])
    assert preview(words, FACTS) == LetterWords("To Researcher Name", ["0007"])
    assert not LetterTemplate.objects.exists()


def test_a_preview_refuses_what_saving_would():
    with pytest.raises(FieldErrors):
        preview(LetterWords("To {nobody}", ["Text"]), FACTS)
