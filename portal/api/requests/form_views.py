"""What a model asks of who wants in, so that a program can fill it in as a page does."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from portal.access.models import Acceptance
from portal.access.requests.form.questions import QuestionKind, newest_form
from portal.access.requests.form.schema import form_schema
from portal.api.base.fields import Output
from portal.api.base.operations import Call, Who, operation
from portal.api.gate.views import ShownIfField
from portal.api.licences.views import AttestationOutput, VersionOutput
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import require_version_in_force
from portal.catalog.services.lookup import find_repo
from portal.errors import Conflict


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
    is_own = serializers.BooleanField(help_text="The lab’s own, not one that every lab asks.")
    longest = serializers.IntegerField(allow_null=True, help_text="In characters.")
    choices = ChoiceOutput(many=True, help_text="An answer is a value of these, or a list of them.")
    shown_if = ShownIfField(
        allow_null=True, help_text="Asked only where that answer is, or contains, this."
    )


class TextToSignOutput(VersionOutput):
    """The licence in force; ``url`` has its words."""

    attestations = AttestationOutput(many=True)
    url = serializers.CharField()

    class Meta(VersionOutput.Meta):
        fields = (*VersionOutput.Meta.fields, "attestations", "url")


class RequestFormOutput(Output):
    repo = serializers.CharField()
    version = serializers.IntegerField(help_text="Of the lab’s own questions; 0 where it has none.")
    questions = AskedOutput(many=True)
    licence = TextToSignOutput(help_text="What is signed, with what is confirmed singly.")
    capacities = serializers.ListField(child=serializers.CharField())


@operation(Who.ANYBODY, gives=RequestFormOutput, errors=(404, 409))
def show_request_form(call: Call, namespace: str, name: str) -> dict[str, Any]:
    """What a request for this model is asked, in order, and what is signed with it."""
    repo = find_repo(f"{namespace}/{name}", caller=call.caller)
    if not repo.takes_requests:
        raise Conflict("This model needs no request. Its page says how to get it.")
    form, text = newest_form(repo), require_version_in_force(repo, now=call.now)
    text.url = settings.BASE_URL + reverse("api:model_licence", args=[namespace, name])  # type: ignore[attr-defined]
    return {
        "repo": repo.full_name,
        "version": form.version if form else 0,
        "questions": form_schema(repo, form),
        "licence": text,
        "capacities": Acceptance.Capacity.values,
    }


def request_form_url(repo: ModelRepo) -> str | None:
    """Where the form is read; none where the model takes no requests."""
    if not repo.takes_requests:
        return None
    return settings.BASE_URL + reverse("api:request_form", args=[repo.namespace.name, repo.name])
