"""The serializers of letters and their templates."""

from __future__ import annotations

from rest_framework import serializers

from portal.api.base.fields import StrictCharField
from portal.api.base.serializers import Input, Output
from portal.outbox.models import OutboxMessage
from portal.outbox.services import can_be_resent

LONGEST_SUBJECT, LONGEST_LETTER = 400, 20_000  # the service has the words for longer ones


class LetterOutput(serializers.ModelSerializer[OutboxMessage]):
    can_be_resent = serializers.SerializerMethodField()

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

    def get_can_be_resent(self, letter: OutboxMessage) -> bool:
        return can_be_resent(letter)


class LetterDetailOutput(LetterOutput):
    class Meta(LetterOutput.Meta):
        fields = (*LetterOutput.Meta.fields, "text")


class WordsInput(Input):
    subject = StrictCharField(max_length=LONGEST_SUBJECT, allow_blank=True)
    text = StrictCharField(
        max_length=LONGEST_LETTER,
        allow_blank=True,
        help_text="Paragraphs, separated by empty lines.",
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
