"""The signatures that a draft still needs, one box for each text, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from portal.access.grants.licence_gate import opened_by_signature
from portal.access.models import AccessRequest
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.form.wizard import signatures_as_stored
from portal.access.requests.licence_text import LicenceBlock, SummaryColumn, blocks, in_short
from portal.access.requests.signing import Signature
from portal.access.requests.texts_to_sign import TextToSign
from portal.access.requests.views.common import posted_signature
from portal.catalog.models import LicenceVersion
from portal.catalog.models.repos import modes_in_words


@dataclass(frozen=True)
class SignatureBox:
    """A text with the form that signs it, and what the signature alone opens at once."""

    text: TextToSign
    form: SignatureForm
    signature: Signature | None
    opens: list[str]

    @property
    def version(self) -> LicenceVersion:
        """The text that is shown: the one in force, or the one that was read just before it."""
        return self.form.version

    @property
    def columns(self) -> list[SummaryColumn]:
        return in_short(self.version)

    @property
    def blocks(self) -> list[LicenceBlock]:
        return blocks(self.version.text)


def signature_boxes(
    request: HttpRequest, access_request: AccessRequest, texts: Sequence[TextToSign], now: datetime
) -> list[SignatureBox]:
    """Return a box for each of these texts, filled with what was posted or signed before."""
    # By the licence, so that what was typed finds its box where a newer text has come meanwhile.
    prefixes = [f"licence{text.version.licence_id}" if len(texts) > 1 else None for text in texts]
    return [
        _box(request, access_request, text, prefix, now)
        for text, prefix in zip(texts, prefixes, strict=True)
    ]


def complete_signatures(boxes: Sequence[SignatureBox]) -> list[Signature]:
    """Return the signatures that were posted, or none where one of them is missing."""
    signatures = [box.signature for box in boxes if box.signature]
    return signatures if len(signatures) == len(boxes) else []


def _box(
    request: HttpRequest,
    access_request: AccessRequest,
    text: TextToSign,
    prefix: str | None,
    now: datetime,
) -> SignatureBox:
    signature = None
    if request.method == "POST":
        signer, versions = access_request.applicant, [text.version]
        form, signature = posted_signature(request, signer, versions, prefix=prefix)
    else:
        initial = _signed_before(access_request, text.version.sha256)
        form = SignatureForm(version=text.version, initial=initial, prefix=prefix)
    return SignatureBox(text, form, signature, _opened(access_request, text, now))


def _signed_before(access_request: AccessRequest, sha256: str) -> dict[str, Any]:
    """Return the draft's signature as initial values; of another text only who signed.

    Confirmations of a text that has changed since have to be ticked again.
    """
    signatures = signatures_as_stored(access_request.draft)
    same = [signature for signature in signatures if signature["text_sha256"] == sha256]
    stored = [*same, *signatures, {}][0]
    names = ("typed_name", "capacity", "entity")
    initial = {name: stored[name] for name in names if name in stored}
    if same:
        initial |= {f"attest_{code}": True for code in stored["attestations"]}
    return {"capacity": "person", **initial}


def _opened(access_request: AccessRequest, text: TextToSign, now: datetime) -> list[str]:
    """Name each model that the signature alone opens, with how it may be used then."""
    opened = opened_by_signature(
        access_request.applicant,
        access_request.repo,
        access_request.collection,
        text.version.licence_id,
        now,
    )
    return [f"{terms.repo.full_name} ({modes_in_words(terms.modes)})" for terms in opened]
