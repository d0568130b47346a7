"""Letters: one’s own, and a team’s own words for those it sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from portal.access.letters.kinds import KINDS, LetterKind
from portal.access.letters.mailer import scope_of
from portal.accounts.models import Scope
from portal.api.base.fields import Input, Output
from portal.api.base.operations import Call, Who, listing, operation
from portal.api.base.repos import administered
from portal.catalog.models import ModelRepo
from portal.errors import NotFound
from portal.outbox.models import OutboxMessage
from portal.outbox.services import can_be_resent, mark_read, resend_mail
from portal.outbox.templates import (
    LetterWords,
    edited_words,
    preview,
    reset_letter_template,
    save_letter_template,
    words_of,
)
from portal.site.letters import letters_of, resendable_by

LONGEST_SUBJECT, LONGEST_LETTER = 400, 20_000  # the service has the words for longer ones


class LetterOutput(serializers.ModelSerializer[OutboxMessage]):
    can_be_resent = serializers.BooleanField()

    class Meta:
        model = OutboxMessage
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "subject",
            "address",
            "state",
            "created_at",
            "sent_at",
            "read_at",
            "can_be_resent",
        )


class LetterDetailOutput(LetterOutput):
    class Meta(LetterOutput.Meta):
        fields = (*LetterOutput.Meta.fields, "text")


class WordsInput(Input):
    subject = serializers.CharField(max_length=LONGEST_SUBJECT, allow_blank=True)
    text = serializers.CharField(
        max_length=LONGEST_LETTER, allow_blank=True, help_text="Paragraphs parted by empty lines."
    )


class WordsOutput(Output):
    subject = serializers.CharField()
    text = serializers.CharField()


class TemplateOutput(Output):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    is_edited = serializers.BooleanField()
    words = WordsOutput()
    default_words = WordsOutput()
    placeholders = serializers.ListField(child=serializers.CharField())
    required_placeholders = serializers.ListField(child=serializers.CharField())


def resendable(call: Call, rows: Sequence[OutboxMessage]) -> Sequence[OutboxMessage]:
    for each in rows:
        each.can_be_resent = can_be_resent(each)  # type: ignore[attr-defined]
    return rows


def _letter(call: Call, letter_id: int) -> OutboxMessage:
    found = letters_of(call.person, call.now).filter(pk=letter_id).first()
    if found is None:
        raise NotFound("You have no such letter.")
    return found


@listing(Who.PERSON, LetterOutput, prepare=resendable)
def list_letters(call: Call) -> QuerySet[OutboxMessage]:
    """The caller's letters, the newest first."""
    return letters_of(call.person, call.now)


@operation(Who.PERSON, gives=LetterDetailOutput, prepare=resendable)
def show_letter(call: Call, letter_id: int) -> OutboxMessage:
    """One letter. Reading it here doesn't mark it as read."""
    return _letter(call, letter_id)


@operation(Who.SESSION, gives=LetterDetailOutput, prepare=resendable)
def read_letter(call: Call, letter_id: int) -> OutboxMessage:
    """Mark a letter as read."""
    mark_read(recipient=call.person, message_id=_letter(call, letter_id).pk, now=call.now)
    return _letter(call, letter_id)


@operation(Who.SESSION, gives=LetterOutput, prepare=resendable, status=201)
def resend_letter(call: Call, letter_id: int) -> OutboxMessage:
    """Send a letter once more: one's own, or one to an applicant whose request one reviews."""
    among = resendable_by(call.person, letter_id, call.now)
    return resend_mail(actor=call.person, message_id=letter_id, among=among, now=call.now)


def _kind(kind: str) -> LetterKind:
    if kind not in KINDS:
        raise NotFound(f"There’s no such kind of letter. Choose among {', '.join(KINDS)}.")
    return KINDS[kind]


def _template(repo: ModelRepo, kind: str) -> dict[str, Any]:
    known = _kind(kind)
    own = edited_words(scope_of(repo), kind)
    return {
        "kind": kind,
        "label": known.label,
        "is_edited": own is not None,
        "words": own or known.words,
        "default_words": known.words,
        "placeholders": sorted(known.samples),
        "required_placeholders": sorted(known.required),
    }


@listing(Scope.ADMIN, TemplateOutput)
def list_templates(call: Call, namespace: str, name: str) -> list[dict[str, Any]]:
    """The letters that a team may put into its own words."""
    repo = administered(call, namespace, name)
    return [_template(repo, kind) for kind in KINDS]


@operation(Scope.ADMIN, gives=TemplateOutput)
def show_template(call: Call, namespace: str, name: str, kind: str) -> dict[str, Any]:
    """The words of one kind of letter, and what may stand in braces."""
    return _template(administered(call, namespace, name), kind)


TEMPLATE_EXAMPLE = {
    "subject": "Your access is open",
    "text": "You have access to {repo} until {until}.",
}


@operation(Scope.ADMIN, gives=TemplateOutput, takes=WordsInput, example=TEMPLATE_EXAMPLE)
def save_template(call: Call, namespace: str, name: str, kind: str) -> dict[str, Any]:
    """Put a kind of letter into the team's own words."""
    repo, known = administered(call, namespace, name), _kind(kind)
    save_letter_template(
        actor=call.person,
        scope=scope_of(repo),
        kind=kind,
        subject=call.data["subject"],
        paragraphs=call.data["text"],
        allowed=known.samples.keys(),
        required=known.required,
        now=call.now,
    )
    return _template(repo, kind)


@operation(Scope.ADMIN, gives=TemplateOutput)
def reset_template(call: Call, namespace: str, name: str, kind: str) -> dict[str, Any]:
    """Go back to the default words."""
    repo = administered(call, namespace, name)
    _kind(kind)
    reset_letter_template(actor=call.person, scope=scope_of(repo), kind=kind, now=call.now)
    return _template(repo, kind)


@operation(Scope.ADMIN, gives=WordsOutput, takes=WordsInput, example=TEMPLATE_EXAMPLE)
def preview_template(call: Call, namespace: str, name: str, kind: str) -> LetterWords:
    """What a letter of these words would say, with sample facts. Nothing is kept."""
    administered(call, namespace, name)
    known = _kind(kind)
    words = words_of(call.data["subject"], call.data["text"])
    return preview(words, known.samples, required=known.required)
