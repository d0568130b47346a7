"""The installation's key for manifests: made at its first use, and public in its other half."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from portal.catalog.errors import NoManifestKey

CURVES = ("secp256r1", "secp384r1", "secp521r1")  # those that model_signing knows


def manifest_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs today. Raises NoManifestKey."""
    file: Path = settings.MANIFEST_KEY_FILE
    if file == settings.MANIFEST_KEY_MADE_AT and not file.exists():
        _make(file)
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise NoManifestKey(str(file)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise NoManifestKey(str(file))
    return key


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """sha256 of the public key’s PEM: ``sha256sum`` of the file that anybody can fetch."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def _make(file: Path) -> None:
    """Of two processes that try, one wins and the other uses its key."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=".key-")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(private)
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
