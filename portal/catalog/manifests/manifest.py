"""A revision's signed manifest, in the form of OpenSSF Model Signing 1.0.

An in-toto statement that names every file with its sha256, in a DSSE envelope, in a Sigstore
bundle: what ``model_signing verify key`` reads. Why it isn't made by that program's own library is
told in docs/decisions.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from portal.catalog.manifests.key import fingerprint
from portal.errors import Invalid
from portal.parsing.json import read_object

SIGNATURE_FILE = "model.sig"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LARGEST_BUNDLE_BYTES = 64 << 20
UNSIGNED = (SIGNATURE_FILE, ".cache", ".git", ".gitattributes", ".github", ".gitignore")
HASHES: dict[int, Callable[[], hashes.HashAlgorithm]] = {
    256: hashes.SHA256,
    384: hashes.SHA384,
    521: hashes.SHA512,
}


class BadSignature(Exception):
    """An error for a bundle that isn't one, or that the key did not sign."""


@dataclass(frozen=True)
class RevisionManifest:
    """The statement that is signed: files by path, and the licence that goes with them."""

    name: str
    files: Mapping[str, str]
    licence: Mapping[str, str]

    def statement(self) -> dict[str, Any]:
        """Return the in-toto statement; verifiers pass over ``licence``, a field of ours."""
        signed = sorted((path for path in self.files if is_signed(path)), key=PurePosixPath)
        root = hashlib.sha256(b"".join(bytes.fromhex(self.files[path]) for path in signed))
        resources = [
            {"name": path, "algorithm": "sha256", "digest": self.files[path]} for path in signed
        ]
        serialization = {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": list(UNSIGNED),
        }
        licence = {"licence": dict(self.licence)} if self.licence else {}
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.name, "digest": {"sha256": root.hexdigest()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"serialization": serialization, "resources": resources, **licence},
        }


def is_signed(path: str) -> bool:
    """Return False for git's own files and the Hub client's cache, which verifiers pass over."""
    return path.split("/")[0] not in UNSIGNED


def sign(manifest: RevisionManifest, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the signed bundle, in the form of the file ``model.sig``."""
    payload = json.dumps(manifest.statement(), indent=1).encode()
    signature = key.sign(_framed(payload), ec.ECDSA(HASHES[key.curve.key_size]()))
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "publicKey": {"hint": fingerprint(key.public_key())},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle).encode()


def verify(bundle: bytes, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """Return the statement that the key signed. Raises BadSignature."""
    try:
        envelope = read_object(bundle, most_bytes=LARGEST_BUNDLE_BYTES)["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        key.verify(signature, _framed(payload), ec.ECDSA(HASHES[key.curve.key_size]()))
        return read_object(payload, most_bytes=LARGEST_BUNDLE_BYTES)
    except (ValueError, KeyError, IndexError, TypeError, Invalid, InvalidSignature) as error:
        raise BadSignature(type(error).__name__) from error


def _framed(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of the payload, which is what gets signed."""
    return b"DSSEv1 %d %s %d %s" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )
