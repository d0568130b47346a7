"""The serializers of licences and signatures."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.certificates.certificate import Certificate
from portal.access.gate.effects import effects_of_publishing
from portal.access.models import Acceptance
from portal.api.base.fields import SingleLineField, StrictBooleanField, StrictCharField
from portal.api.base.serializers import Input, Output
from portal.api.catalog.settings_serializers import EffectOutput
from portal.catalog.models import Licence, LicenceVersion
from portal.site.licence_changes import changes, text_before
from portal.text.languages import ENGLISH

LONGEST_TEXT = 500_000


class LicenceOutput(serializers.ModelSerializer[Licence]):
    namespace = serializers.CharField(
        source="namespace.name", default=None, help_text="Its publishers; null: the operator."
    )

    class Meta:
        model = Licence
        fields = ("slug", "name", "namespace")


class VersionOutput(serializers.ModelSerializer[LicenceVersion]):
    licence = serializers.CharField(source="licence.slug")

    class Meta:
        model = LicenceVersion
        fields: tuple[str, ...] = (
            "licence",
            "version",
            "kind",
            "language",
            "sha256",
            "effective_at",
        )


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


def version_diff(older: LicenceVersion, newer: LicenceVersion) -> dict[str, Any]:
    """Return the paragraphs that differ, as ``VersionDiffOutput`` shows them."""
    text_changes, unchanged_after = changes(older.text, newer.text)
    return {
        "older": older.version,
        "newer": newer.version,
        "changes": text_changes,
        "kept_after": unchanged_after,
    }


class PublishInput(Input):
    slug = StrictCharField(max_length=50)
    name = SingleLineField(default="", help_text="For a licence that is new.")
    namespace = SingleLineField(
        max_length=96, default="", help_text="For a licence that is new: whose publishers own it."
    )
    version = SingleLineField(max_length=20, allow_blank=False)
    kind = serializers.ChoiceField(choices=LicenceVersion.Kind.choices)
    text = StrictCharField(max_length=LONGEST_TEXT, trim_whitespace=False)
    language = SingleLineField(
        max_length=35, default=ENGLISH, help_text="Of the text, by its tag, such as en or pt-BR."
    )
    attribution = StrictCharField(max_length=2000)
    terms = serializers.DictField()
    effective_at = serializers.DateTimeField(required=False)
    dry_run = StrictBooleanField(
        default=False, help_text="Show the version and what publishing does; change nothing."
    )


class PublishedOutput(VersionDetailOutput):
    """The version, whom it meets, and what differs from the text in force."""

    effects = serializers.SerializerMethodField(help_text="Whom it meets, and who stays.")
    changes = serializers.SerializerMethodField(
        help_text="What differs from the text in force; null if none is."
    )

    class Meta(VersionDetailOutput.Meta):
        fields = (*VersionDetailOutput.Meta.fields, "effects", "changes")

    @extend_schema_field(EffectOutput(many=True))
    def get_effects(self, version: LicenceVersion) -> Any:
        effects = effects_of_publishing(version, self.context["view"].now)
        return EffectOutput(effects, many=True).data

    @extend_schema_field(VersionDiffOutput(allow_null=True))
    def get_changes(self, version: LicenceVersion) -> Any:
        before = text_before(version, self.context["view"].now)
        return VersionDiffOutput(version_diff(before, version)).data if before else None


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
            "text_language",
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
