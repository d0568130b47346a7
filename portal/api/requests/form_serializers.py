"""The serializers of a model's request form."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from portal.access.requests.form.questions import QuestionKind
from portal.api.base.serializers import Output
from portal.api.gate.serializers import ShownIfField
from portal.api.licences.serializers import AttestationOutput, VersionOutput
from portal.catalog.models import LicenceVersion


class ChoiceOutput(Output):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(allow_blank=True)


class AskedOutput(Output):
    """One question; its ``name`` is the key of its answer."""

    name = serializers.CharField()
    step = serializers.CharField()
    type = serializers.ChoiceField(choices=[(str(kind), str(kind)) for kind in QuestionKind])
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(allow_blank=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    material = serializers.BooleanField(help_text="A changed answer voids the votes before it.")
    is_own = serializers.BooleanField(
        help_text="One of the lab’s own questions, not one that every lab asks."
    )
    longest = serializers.IntegerField(allow_null=True, help_text="In characters.")
    choices = ChoiceOutput(many=True, help_text="An answer is a value of these, or a list of them.")
    shown_if = ShownIfField(
        allow_null=True, help_text="Asked only if that answer equals or contains this value."
    )


class TextToSignOutput(VersionOutput):
    """The licence in force; ``url`` has its words."""

    attestations = AttestationOutput(many=True)
    url = serializers.SerializerMethodField()

    class Meta(VersionOutput.Meta):
        fields = (*VersionOutput.Meta.fields, "attestations", "url")

    def get_url(self, version: LicenceVersion) -> str:
        kwargs = self.context["view"].kwargs
        return settings.BASE_URL + reverse("api:model_licence", kwargs=kwargs)


class RequestFormOutput(Output):
    repo = serializers.CharField()
    version = serializers.IntegerField(help_text="Of the lab’s own questions; 0 where it has none.")
    questions = AskedOutput(many=True)
    licence = TextToSignOutput(help_text="The text to sign, with its attestations.")
    capacities = serializers.ListField(child=serializers.CharField())
