"""Certify a signature in a document: who signed which text, when, and where it is on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from portal.access.certificates.document import Document, Fact
from portal.access.certificates.signing_key import fingerprint, sign_pdf
from portal.access.errors import SignatureNotFound
from portal.access.models import Acceptance, AccessRequest, Coverage, Grant
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.text.languages import in_english, language_name


@dataclass(frozen=True)
class Certificate:
    """A signature to certify. ``repos``: where it stands, as far as the reader may know of it.

    ``models``: what it is for; through a collection its models under this text, where it stands at
    the lead.
    """

    acceptance: Acceptance
    event: AuditEvent
    repos: list[str]
    models: list[str]


def own_signatures(person: User) -> QuerySet[Acceptance]:
    """Select a person's own signatures, the newest first."""
    own = Acceptance.objects.filter(person=person).select_related("licence_version__licence")
    return own.order_by("-accepted_at", "-pk")


def read_certificate(reader: User, acceptance_id: int) -> Certificate:
    """Return a signature to its signer, and to the team of a repo that it was signed for.

    Raise SignatureNotFound to anybody else, as for a signature that doesn't exist.
    """
    acceptances = Acceptance.objects.select_related("licence_version__licence", "person")
    acceptance = acceptances.filter(pk=acceptance_id).first()
    if acceptance is None:
        raise SignatureNotFound
    repos = _repos(acceptance, reader)
    event = AuditEvent.objects.filter(
        type=EventType.LICENCE_SIGNED,
        target_type=Acceptance._meta.label_lower,
        target_id=str(acceptance.pk),
    ).first()
    if event is None or (acceptance.person_id != reader.pk and not repos):
        raise SignatureNotFound
    names = sorted(repo.full_name for repo in repos)
    return Certificate(acceptance, event, names, _models(acceptance, repos))


def _repos(acceptance: Acceptance, reader: User) -> list[ModelRepo]:
    signed_for = ModelRepo.objects.filter(
        Q(requests__submissions__acceptance=acceptance)
        | Q(requests__submissions__further_acceptances=acceptance)
        | Q(grants__acceptance=acceptance)
        | Q(grants__memberships__acceptance=acceptance)
        | Q(grants__renewals__acceptance=acceptance)
    )
    if acceptance.person_id != reader.pk:
        signed_for = signed_for.filter(_for_reader(acceptance, reader))
    return list(signed_for.select_related("namespace").order_by("pk").distinct())


def _models(acceptance: Acceptance, repos: list[ModelRepo]) -> list[str]:
    """Name the models that a signature at these repos is for: their own, or a collection's.

    Those are the models that a request asked for under the text, and those that its grants cover.
    """
    signed = _signed_with(acceptance)
    requests = AccessRequest.objects.filter(signed, repo__in=repos)
    rests_on = (
        Q(acceptance=acceptance)
        | Q(memberships__acceptance=acceptance)
        | Q(renewals__acceptance=acceptance)
    )
    grants = Grant.objects.filter(rests_on, repo__in=repos)
    chosen = AccessRequest.chosen.through.objects.filter(
        accessrequest__in=requests.order_by().values("pk")
    )
    covered = Coverage.objects.standing().filter(grant__in=grants.order_by().values("pk"))
    plain = Q(requests__in=requests.filter(collection=None)) | Q(
        grants__in=grants.filter(collection=None)
    )
    asked_for = Q(pk__in=chosen.values("modelrepo"), licence=acceptance.licence_version.licence_id)
    opened = Q(pk__in=covered.order_by().values("repo"))
    models = ModelRepo.objects.filter(plain | asked_for | opened).select_related("namespace")
    return sorted({repo.full_name for repo in models})


def _signed_with(acceptance: Acceptance) -> Q:
    """Match the requests that a signature came with."""
    further = Q(submissions__further_acceptances=acceptance)
    return Q(submissions__acceptance=acceptance) | further


def _for_reader(acceptance: Acceptance, reader: User) -> Q:
    """Select the repos of a reader's teams, and those whose signature no request came with.

    An owner reads a signature that came with a request where they may read the request.
    """
    readable = AccessRequest.objects.readable_by(reader)
    of_teams = Q(pk__in=ModelRepo.objects.reviewable_by(reader).values("pk"))
    signed = _signed_with(acceptance)
    of_cases = Q(pk__in=readable.filter(signed).values("repo"))
    at_gates = Q(grants__acceptance=acceptance, grants__decision=None)
    administered = Q(pk__in=ModelRepo.objects.administered_by(reader).values("pk"))
    return of_teams | of_cases | (at_gates & administered)


def make_certificate(certificate: Certificate) -> bytes:
    """Make the signed PDF. It isn't stored, since the record holds all that it says."""
    from portal.access.certificates.pdf import draw  # slow to import, and few pages need it

    version = certificate.acceptance.licence_version
    document = _document(certificate)
    return sign_pdf(draw(document), reason=f"A signature under {version}, as recorded")


@in_english
def _document(certificate: Certificate) -> Document:
    acceptance = certificate.acceptance
    version = acceptance.licence_version
    ticked = set(acceptance.attestations)
    return Document(
        title=f"Signature under {version}",
        issuer=settings.SITE_NAME,
        facts=_facts(certificate),
        ticked=[line["text"] for line in version.attestations if line["code"] in ticked],
        text_title=f"{version}, word for word",
        text=version.text,
        verify=_verify(fingerprint()),
        made_at=acceptance.accepted_at,
        record=_record(certificate),
    )


def _facts(certificate: Certificate) -> list[Fact]:
    acceptance, event = certificate.acceptance, certificate.event
    version = acceptance.licence_version
    signed_at = acceptance.accepted_at.astimezone(UTC)
    facts = [
        Fact("Signed by", acceptance.typed_name),
        Fact("Account", acceptance.person.username),
        Fact("Capacity", acceptance.get_capacity_display()),
        Fact("Organization", acceptance.entity),
        Fact("Signed at", f"{signed_at:%d %B %Y, %H:%M:%S} UTC"),
        Fact("For", ", ".join(certificate.models)),
        Fact("Licence", str(version)),
        Fact("Language of the text", language_name(acceptance.text_language)),
        Fact("sha256 of the text", acceptance.text_sha256, code=True),
        Fact("Notice to keep", version.attribution),
        Fact("Event in the record", str(event.sequence)),
        Fact("Its hash", event.hash, code=True),
    ]
    return [fact for fact in facts if fact.value]


def _verify(sha256: str) -> str:
    return (
        "This document carries a digital signature of the installation that keeps the record. Its "
        f"certificate is at {settings.BASE_URL}/record/signing-certificate.pem, with the sha256 "
        f"fingerprint {sha256}. The licence’s very bytes and the figures above are attached as "
        "files. The document can be made anew from the record at any time."
    )


def _record(certificate: Certificate) -> dict[str, Any]:
    """Return the same facts as JSON, for machines and for scripts that no font here has."""
    acceptance, event = certificate.acceptance, certificate.event
    version = acceptance.licence_version
    return {
        "signature": acceptance.pk,
        "signed_by": acceptance.typed_name,
        "account": acceptance.person.username,
        "capacity": acceptance.capacity,
        "organization": acceptance.entity,
        "signed_at": acceptance.accepted_at.astimezone(UTC).isoformat(),
        "attestations": sorted(acceptance.attestations),
        "licence": version.licence.slug,
        "version": version.version,
        "text_sha256": acceptance.text_sha256,
        "text_language": acceptance.text_language,
        "repos": certificate.models,
        "event": {"number": event.sequence, "hash": event.hash},
    }
