"""The serializers that several subjects of the API share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.models import Acceptance
from portal.access.policy.conditions import MOST_MEMBERS, Conditions
from portal.access.requests.form.questions import LONGEST_LINE
from portal.api.base.fields import (
    FreeTextField,
    SingleLineField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from portal.api.base.words import WORDS, set_words


class Input(serializers.Serializer[Any]):
    """A serializer of what is sent, which refuses unknown fields by name.

    DRF ignores them; but who mistypes an optional field must not believe that it was taken.
    """

    default_error_messages = WORDS[serializers.Serializer]

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            raise serializers.ValidationError(
                {name: ["This field isn’t known here. Leave it out."] for name in unknown}
            )
        for field in self.fields.values():
            set_words(field)
        return super().to_internal_value(data)


class Output(serializers.Serializer[Any]):
    """A serializer that only shows."""


class SignatureInput(Input):
    """A signature: the exact text by its sha256, each attestation, and the signer’s name."""

    text_sha256 = StrictCharField(max_length=64)
    typed_name = SingleLineField()
    capacity = serializers.ChoiceField(choices=Acceptance.Capacity.choices, default="person")
    entity = SingleLineField(required=False)
    attestations = serializers.ListField(
        child=StrictCharField(max_length=40), max_length=50, allow_empty=True
    )


class SignedInput(Input):
    signature = SignatureInput()


class ReasonInput(Input):
    reason = FreeTextField()


class TextInput(Input):
    text = FreeTextField()


class PersonOutput(Output):
    """A person, by username and displayed name."""

    username = serializers.CharField()
    name = serializers.CharField(source="display_name")


class ConditionsInput(Input):
    no_logits = StrictBooleanField(default=False)
    no_captures = StrictBooleanField(default=False)
    files = serializers.ListField(
        child=StrictCharField(max_length=LONGEST_LINE),
        max_length=50,
        allow_null=True,
        default=None,
        help_text="Patterns of paths that may be downloaded; null for all.",
    )
    max_members = StrictIntegerField(
        min_value=0, max_value=MOST_MEMBERS, allow_null=True, default=None
    )


class QuotasInput(Input):
    """Quotas of hosted use, of each person and for each model; null for what the gate gives."""

    tokens_per_day = StrictIntegerField(allow_null=True, default=None)
    concurrent_jobs = StrictIntegerField(allow_null=True, default=None)
    context_tokens = StrictIntegerField(
        allow_null=True, default=None, help_text="Of a prompt and its completion together."
    )
    egress_bytes_per_day = StrictIntegerField(
        allow_null=True, default=None, help_text="Bytes of captures."
    )
    egress_bytes_total = StrictIntegerField(
        allow_null=True, default=None, help_text="Bytes of captures, over all days."
    )
    has_floor = StrictBooleanField(
        default=False,
        help_text="The organization has no hardware of its own: its jobs get a guaranteed share.",
    )


class QuotasChangeInput(Input):
    """Quotas to change, each left as it is where it isn't sent; null for what the gate gives."""

    tokens_per_day = StrictIntegerField(allow_null=True, required=False)
    concurrent_jobs = StrictIntegerField(allow_null=True, required=False)
    context_tokens = StrictIntegerField(
        allow_null=True, required=False, help_text="Of a prompt and its completion together."
    )
    egress_bytes_per_day = StrictIntegerField(
        allow_null=True, required=False, help_text="Bytes of captures."
    )
    egress_bytes_total = StrictIntegerField(
        allow_null=True, required=False, help_text="Bytes of captures, over all days."
    )
    has_floor = StrictBooleanField(
        required=False,
        help_text="The organization has no hardware of its own: its jobs get a guaranteed share.",
    )


class QuotasOutput(Output):
    tokens_per_day = serializers.IntegerField(allow_null=True)
    concurrent_jobs = serializers.IntegerField(allow_null=True)
    context_tokens = serializers.IntegerField(allow_null=True)
    egress_bytes_per_day = serializers.IntegerField(allow_null=True)
    egress_bytes_total = serializers.IntegerField(allow_null=True)
    has_floor = serializers.BooleanField()


def conditions_in(given: dict[str, Any] | None) -> Conditions:
    return Conditions.of(given or {})


class MarkOutput(Output):
    """A status in words, and its tone: calm, wait, yes or stop."""

    text = serializers.CharField()
    tone = serializers.CharField()


SIGNATURE_EXAMPLE = {
    "text_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "typed_name": "Researcher Name",
    "capacity": "person",
    "attestations": ["noncommercial", "no_military"],
}
