"""Licence texts and signatures: what is signed, what one has signed, publishing a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers

from portal.access.certificates.certificate import own_signatures, read_certificate
from portal.access.errors import SignatureNotFound
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import Acceptance
from portal.accounts.models import Scope
from portal.api.base.fields import SIGNATURE_EXAMPLE, Input, Line, Output, SignedInput
from portal.api.base.operations import Call, Who, listing, operation
from portal.api.grants.serializers import GrantOutput
from portal.api.grants.views import with_states
from portal.catalog.models import Licence, LicenceVersion, ModelRepo
from portal.catalog.services.licences import publish_licence_version, require_version_in_force
from portal.catalog.services.lookup import find_repo
from portal.errors import Forbidden, NotFound
from portal.site.licence_changes import changes

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
    kept = serializers.IntegerField(help_text="Paragraphs that stand unchanged before it.")
    removed = BlockOutput(many=True)
    added = BlockOutput(many=True)


class VersionDiffOutput(Output):
    older = serializers.CharField()
    newer = serializers.CharField()
    changes = TextChangeOutput(many=True)
    kept_after = serializers.IntegerField()


class PublishInput(Input):
    slug = serializers.CharField(max_length=50)
    name = Line(default="", help_text="For a licence that is new.")
    version = Line(max_length=20, allow_blank=False)
    kind = serializers.ChoiceField(choices=LicenceVersion.Kind.choices)
    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False)
    attribution = serializers.CharField(max_length=2000)
    terms = serializers.DictField()
    effective_at = serializers.DateTimeField(required=False)


class SignatureOutput(serializers.ModelSerializer[Acceptance]):
    licence = serializers.CharField(source="licence_version.licence.slug")
    version = serializers.CharField(source="licence_version.version")
    certificate_url = serializers.CharField(help_text="The signed PDF.")

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


class RecordedSignatureOutput(SignatureOutput):
    """With where the record holds it."""

    repos = serializers.ListField(child=serializers.CharField())
    event_sequence = serializers.IntegerField()
    event_hash = serializers.CharField()

    class Meta(SignatureOutput.Meta):
        fields = (*SignatureOutput.Meta.fields, "repos", "event_sequence", "event_hash")


def with_links(call: Call, rows: Sequence[Acceptance]) -> Sequence[Acceptance]:
    for each in rows:
        page = reverse("access:certificate", args=[each.pk])
        each.certificate_url = settings.BASE_URL + page  # type: ignore[attr-defined]
    return rows


@listing(Who.PERSON, SignatureOutput, prepare=with_links)
def list_signatures(call: Call) -> QuerySet[Acceptance]:
    """One's own signatures, the newest first."""
    return own_signatures(call.person)


@operation(Who.PERSON, gives=RecordedSignatureOutput, prepare=with_links)
def show_signature(call: Call, acceptance_id: int) -> Acceptance:
    """A signature of one's own, or one given for a model that one reviews."""
    found = read_certificate(call.person, acceptance_id)
    if found.acceptance.person_id != call.person.pk and not _reads_as_team(call, found.repos):
        raise SignatureNotFound
    signed: Any = found.acceptance
    signed.repos, signed.event_sequence = found.repos, found.event.sequence
    signed.event_hash = found.event.hash
    return found.acceptance


def _reads_as_team(call: Call, repos: list[str]) -> bool:
    """Whether the token is a team’s, and for one of these."""
    here = call.within(ModelRepo.objects.with_names(), "pk")
    return call.is_of_a_team and any(here.named(each).exists() for each in repos)


@listing(Who.ANYBODY, LicenceOutput)
def list_licences(call: Call) -> QuerySet[Licence]:
    """Every licence that has a published text."""
    return Licence.objects.filter(versions__isnull=False).distinct().order_by("slug")


@listing(Who.ANYBODY, VersionOutput)
def list_versions(call: Call, slug: str) -> QuerySet[LicenceVersion]:
    """The versions of a licence, the newest first."""
    licence = get_object_or_404(Licence, slug=slug)
    return LicenceVersion.objects.filter(licence=licence).select_related("licence").defer("text")


def _version(slug: str, version: str) -> LicenceVersion:
    versions = LicenceVersion.objects.select_related("licence")
    found: LicenceVersion = get_object_or_404(versions, licence__slug=slug, version=version)
    return found


@operation(Who.ANYBODY, gives=VersionDetailOutput)
def show_version(call: Call, slug: str, version: str) -> LicenceVersion:
    """One text, word for word."""
    return _version(slug, version)


@operation(Who.ANYBODY, gives=VersionDiffOutput)
def show_changes(call: Call, slug: str, version: str, other: str) -> dict[str, Any]:
    """What differs between two versions, paragraph by paragraph, from the older to the newer."""
    pair = sorted(
        (_version(slug, version), _version(slug, other)), key=lambda v: (v.effective_at, v.pk)
    )
    found, kept = changes(pair[0].text, pair[1].text)
    return {
        "older": pair[0].version,
        "newer": pair[1].version,
        "changes": found,
        "kept_after": kept,
    }


@operation(
    Scope.PUBLISH,
    gives=VersionDetailOutput,
    takes=PublishInput,
    status=201,
    example={
        "slug": "research",
        "version": "1.1",
        "kind": "editorial",
        "text": "You may study the model.",
        "attribution": "Licensed under the Research Licence.",
        "terms": {"may": ["Study it"], "attestations": []},
    },
)
def publish_version(call: Call) -> LicenceVersion:
    """Publish a text of a licence. It never changes afterwards; the same again changes nothing."""
    if call.token is not None and call.token.repo_ids is not None:
        raise Forbidden(
            "This token is for some models, and a licence’s text binds every model under it. Make "
            "a token for all."
        )
    return publish_licence_version(actor=call.person, now=call.now, **call.data)


@operation(Who.ANYBODY, gives=VersionDetailOutput)
def show_licence_in_force(call: Call, namespace: str, name: str) -> LicenceVersion:
    """The text that is signed for a model today: its sha256 and attestations make a signature."""
    repo = find_repo(f"{namespace}/{name}", caller=call.caller)
    if repo.licence_id is None:
        raise NotFound("This model stands under no licence: nothing is signed for it.")
    return _version_of(require_version_in_force(repo, now=call.now))


def _version_of(version: LicenceVersion) -> LicenceVersion:
    return LicenceVersion.objects.select_related("licence").get(pk=version.pk)


@operation(
    Who.SESSION,
    gives=GrantOutput,
    takes=SignedInput,
    prepare=with_states,
    example={"signature": SIGNATURE_EXAMPLE},
)
def sign(call: Call, namespace: str, name: str) -> Any:
    """On the licence gate a signature opens the model at once."""
    repo = find_repo(f"{namespace}/{name}", caller=call.caller)
    return sign_for_grant(
        person=call.person, repo_id=repo.pk, signature=call.signature(), now=call.now
    )
