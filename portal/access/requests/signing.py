"""Sign a licence: its exact text, each acknowledgement ticked by itself, a typed name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from portal.access.errors import LicenceChanged
from portal.access.models import Acceptance
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import LicenceVersion
from portal.errors import FieldErrors


@dataclass(frozen=True)
class Signature:
    """A person's act of signing. ``text_sha256`` is of the text that they were shown."""

    text_sha256: str
    typed_name: str
    capacity: str
    attestations: frozenset[str]
    entity: str = ""
    ip: str | None = None


def _same_name(typed: str, name: str) -> bool:
    return " ".join(typed.split()).casefold() == " ".join(name.split()).casefold()


def check_signature(
    signer: User,
    version: LicenceVersion,
    signature: Signature,
    *,
    argument: str = "signature",
) -> None:
    """Raise LicenceChanged if another text was shown, FieldErrors for whatever is missing.

    ``argument``: where the caller's service takes the signature.
    """
    if signature.text_sha256 != version.sha256:
        raise LicenceChanged
    errors: dict[str, str] = {}
    if not _same_name(signature.typed_name, signer.display_name):
        errors["typed_name"] = _("Type your full name as in your profile: %(name)s.") % {
            "name": signer.display_name
        }
    if signature.capacity not in Acceptance.Capacity.values:
        errors["capacity"] = _("Say whether you sign for yourself or for an organization.")
    if signature.capacity == Acceptance.Capacity.ENTITY and not signature.entity.strip():
        errors["entity"] = _("Name the organization, and your office in it.")
    for attestation in version.attestations:
        if attestation["code"] not in signature.attestations:
            errors[f"attestations.{attestation['code']}"] = _("Confirm: %(attestation)s") % {
                "attestation": attestation["text"]
            }
    if errors:
        raise FieldErrors(errors, inside=argument)


def store_acceptance(
    *,
    signer: User,
    version: LicenceVersion,
    signature: Signature,
    now: datetime,
    argument: str = "signature",
) -> Acceptance:
    """Check and store a signature, within the transaction of the service that needs it."""
    check_signature(signer, version, signature, argument=argument)
    acceptance = Acceptance.objects.create(
        person=signer,
        licence_version=version,
        text_sha256=version.sha256,
        text_language=version.language,
        typed_name=signature.typed_name.strip(),
        capacity=signature.capacity,
        entity=signature.entity.strip(),
        attestations=sorted(signature.attestations),
        accepted_at=now,
        ip=signature.ip,
    )
    record(
        EventType.LICENCE_SIGNED,
        actor=signer,
        target=acceptance,
        at=now,
        licence_version=version.pk,
        sha256=version.sha256,
        language=version.language,
        capacity=acceptance.capacity,
    )
    return acceptance
