"""A revision's signature, as its page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.urls import reverse

from portal.catalog.manifests.manifest import BadSignature, is_signed, verify
from portal.catalog.models import ModelRepo, Revision, RevisionSignature
from portal.storage import BlobMissing, blob_store


@dataclass(frozen=True)
class SignaturePanel:
    """``fault``: why the signature doesn't hold; empty where it does."""

    fingerprint: str
    signed_at: datetime
    key_url: str
    signed: int
    licence: dict[str, str]
    fault: str


def look_at_signature(revision: Revision) -> SignaturePanel | None:
    """Checked each time it is shown. None for a revision without one."""
    found = RevisionSignature.objects.select_related("key").filter(revision=revision).first()
    if found is None:
        return None
    fault, signed = "", 0
    licence: dict[str, str] = {}
    try:
        statement = _verified(found)
        resources = {each["name"]: each["digest"] for each in statement["predicate"]["resources"]}
        licence, signed = dict(statement["predicate"].get("licence", {})), len(resources)
        if resources != _files(revision):
            fault = "The files listed here are not those that were signed."
    except BlobMissing:
        fault = "The signature is not in the store."
    except (BadSignature, KeyError, TypeError, ValueError):
        fault = "The signature is not one by this key."
    return SignaturePanel(
        fingerprint=found.key_id,
        signed_at=found.signed_at,
        key_url=settings.BASE_URL + reverse("site:known_key", args=[found.key_id]),
        signed=signed,
        licence=licence,
        fault=fault,
    )


def _verified(found: RevisionSignature) -> dict[str, Any]:
    key = load_pem_public_key(found.key.public_pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadSignature(found.key_id)
    with blob_store().open(found.blob_id) as bundle:
        return verify(bundle.read(), key)


def _files(revision: Revision) -> dict[str, str]:
    listed = revision.files.values_list("path", "blob_id")
    return {path: sha256 for path, sha256 in listed if is_signed(path)}


def command(repo: ModelRepo, revision: Revision, signature: SignaturePanel) -> str:
    """What to paste, from nothing to a verified folder."""
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
