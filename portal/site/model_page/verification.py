"""A revision's signature, for its page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.catalog.manifests.manifest import BadSignature, is_signed, verify
from portal.catalog.models import ModelRepo, Revision, RevisionSignature
from portal.storage import BlobMissing, blob_store


@dataclass(frozen=True)
class SignaturePanel:
    """A signature and what it covers; ``fault`` says why it doesn't verify, or is empty."""

    fingerprint: str
    signed_at: datetime
    key_url: str
    signed: int
    licence: dict[str, str]
    fault: str


def look_at_signature(revision: Revision) -> SignaturePanel | None:
    """Verify the revision's signature, each time it is shown. None for a revision without one."""
    signatures = RevisionSignature.objects.select_related("key")
    signature = signatures.filter(revision=revision).first()
    if signature is None:
        return None
    fault, signed = "", 0
    licence: dict[str, str] = {}
    try:
        statement = _verified(signature)
        predicate = statement["predicate"]
        digests = {file["name"]: file["digest"] for file in predicate["resources"]}
        licence, signed = dict(predicate.get("licence", {})), len(digests)
        if digests != _files(revision):
            fault = _("The files listed here aren’t the files that were signed.")
    except BlobMissing:
        fault = _("The signature is missing from the store.")
    except (BadSignature, KeyError, TypeError, ValueError):
        fault = _("The signature wasn’t made with this key.")
    return SignaturePanel(
        fingerprint=signature.key_id,
        signed_at=signature.signed_at,
        key_url=settings.BASE_URL + reverse("site:known_key", args=[signature.key_id]),
        signed=signed,
        licence=licence,
        fault=fault,
    )


def _verified(signature: RevisionSignature) -> dict[str, Any]:
    key = load_pem_public_key(signature.key.public_pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadSignature(signature.key_id)
    with blob_store().open(signature.blob_id) as bundle:
        return verify(bundle.read(), key)


def _files(revision: Revision) -> dict[str, str]:
    listed = revision.all_files().values_list("path", "blob_id")
    return {path: sha256 for path, sha256 in listed if is_signed(path)}


def command(repo: ModelRepo, revision: Revision, signature: SignaturePanel) -> str:
    """Return the shell commands that download a revision and verify it."""
    return "\n".join(
        [
            "pip install huggingface_hub model-signing pyopenssl",
            f"HF_ENDPOINT={settings.BASE_URL} hf download {repo.full_name} "
            f"--revision {revision.commit} --local-dir {repo.name}",
            f"curl -o manifest-key.pem {signature.key_url}",
            f"(cd {repo.name} && sha256sum -c SHA256SUMS)",
            f"model_signing verify key --signature {repo.name}/model.sig "
            f"--public_key manifest-key.pem {repo.name}",
        ]
    )
