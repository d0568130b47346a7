"""The installation's key for manifests, made at its first use; its public half is published."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from portal.catalog.errors import NoManifestKey
from portal.own_keys import private_pem, write_once

CURVES = ("secp256r1", "secp384r1", "secp521r1")  # those that model_signing knows


def manifest_key() -> ec.EllipticCurvePrivateKey:
    """Return the key that signs manifests now. Raises NoManifestKey."""
    file: Path = settings.MANIFEST_KEY_FILE
    if file == settings.MANIFEST_KEY_MADE_AT and not file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_once(file.parent, {file.name: private_pem(key)})
    try:
        loaded = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise NoManifestKey(str(file)) from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name not in CURVES:
        raise NoManifestKey(str(file))
    return loaded


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the sha256 of the public key’s PEM, as ``sha256sum`` of the published file."""
    return hashlib.sha256(public_pem(key)).hexdigest()
