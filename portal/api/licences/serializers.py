"""The serializers of licences and signatures."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from portal.access.certificates.certificate import Certificate
from portal.access.models import Acceptance
from portal.api.base.fields import SingleLineField, StrictCharField
from portal.api.base.serializers import Input, Output
from portal.catalog.models import Licence, LicenceVersion

LONGEST_TEXT = 500_000


class LicenceOutput(serializers.ModelSerializer[Licence]):
    class Meta:
        model = Licence
        fields = ("slug", "name")


class VersionOutput(serializers.ModelSerializer[LicenceVersion]):
    licence = serializers.CharField(source="licence.slug")

    class Meta:
        model = LicenceVersion
        fields: tuple[str, ...] = ("licence", "version", "kind", "sha256", "effective_at")


class AttestationOutput(Output):
    code = serializers.CharField()
    text = serializers.CharField()
    help = serializers.CharField(allow_blank=True)


class VersionDetailOutput(VersionOutput):
    """The whole text, and what is confirmed singly by who signs it."""

    attestations = AttestationOutput(many=True)

    class Meta(VersionOutput.Meta):
        fields = (*VersionOutput.Meta.fields, "text", "attribution", "terms", "attestations")


class BlockOutput(Output):
    kind = serializers.CharField()
    text = serializers.CharField()


class TextChangeOutput(Output):
    kept = serializers.IntegerField(help_text="Unchanged paragraphs before it.")
    removed = BlockOutput(many=True)
    added = BlockOutput(many=True)


class VersionDiffOutput(Output):
    older = serializers.CharField()
    newer = serializers.CharField()
    changes = TextChangeOutput(many=True)
    kept_after = serializers.IntegerField()


class PublishInput(Input):
    slug = StrictCharField(max_length=50)
    name = SingleLineField(default="", help_text="For a licence that is new.")
    version = SingleLineField(max_length=20, allow_blank=False)
    kind = serializers.ChoiceField(choices=LicenceVersion.Kind.choices)
    text = StrictCharField(max_length=LONGEST_TEXT, trim_whitespace=False)
    attribution = StrictCharField(max_length=2000)
    terms = serializers.DictField()
    effective_at = serializers.DateTimeField(required=False)


class SignatureOutput(serializers.ModelSerializer[Acceptance]):
    licence = serializers.CharField(source="licence_version.licence.slug")
    version = serializers.CharField(source="licence_version.version")
    certificate_url = serializers.SerializerMethodField(help_text="The signed PDF.")

    class Meta:
        model = Acceptance
        fields: tuple[str, ...] = (
            "id",
            "licence",
            "version",
            "text_sha256",
            "typed_name",
            "capacity",
            "entity",
            "attestations",
            "accepted_at",
            "certificate_url",
        )

    def get_certificate_url(self, acceptance: Acceptance) -> str:
        return settings.BASE_URL + reverse("access:certificate", args=[acceptance.pk])


class RecordedSignatureOutput(SignatureOutput):
    """With where the record holds it; the context has the ``certificate``."""

    repos = serializers.SerializerMethodField()
    event_sequence = serializers.SerializerMethodField()
    event_hash = serializers.SerializerMethodField()

    class Meta(SignatureOutput.Meta):
        fields = (*SignatureOutput.Meta.fields, "repos", "event_sequence", "event_hash")

    @property
    def certificate(self) -> Certificate:
        certificate: Certificate = self.context["certificate"]
        return certificate

    def get_repos(self, acceptance: Acceptance) -> list[str]:
        return self.certificate.repos

    def get_event_sequence(self, acceptance: Acceptance) -> int:
        return self.certificate.event.sequence

    def get_event_hash(self, acceptance: Acceptance) -> str:
        return self.certificate.event.hash
