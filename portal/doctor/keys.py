"""Check the private keys that sign manifests and certificates, without making any."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.conf import settings

from portal.catalog.errors import NoManifestKey
from portal.catalog.manifests.key import manifest_key
from portal.doctor.findings import DoctorFinding, Findings, fault, ok, warning

ENDS_SOON = timedelta(days=60)
MAKE = (
    "It is made when it is first needed; where several hosts must share it, by `weightgate setup`."
)


def signing_keys() -> Findings:
    """Check that both keys are there, whole, for the portal's account alone, and in force."""
    findings = [*_manifest(settings.MANIFEST_KEY_FILE), *_certificate()]
    return findings or [ok("Both are there, and only the portal’s account reads them.")]


def _manifest(file: Path) -> Findings:
    if not file.exists():
        return [warning(f"The key of manifests, {file}, isn’t there yet.", MAKE)]
    try:
        manifest_key()
    except NoManifestKey:
        return [_unreadable(file, "WEIGHTGATE_MANIFEST_KEY_FILE")]
    return _rights(file)


def _certificate() -> Findings:
    key_file, file = settings.SIGNING_KEY_FILE, settings.SIGNING_CERT_FILE
    if not key_file.exists() or not file.exists():
        return [warning(f"The key of certificates, {key_file}, isn’t there yet.", MAKE)]
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError, TypeError):
        return [_unreadable(key_file, "WEIGHTGATE_SIGNING_KEY_FILE")]
    findings = _rights(key_file)
    if key.public_key() != certificate.public_key():
        findings.append(
            fault(
                f"{file} isn’t the certificate of {key_file}.",
                "Set WEIGHTGATE_SIGNING_CERT_FILE to the certificate of that key.",
            )
        )
    if certificate.not_valid_after_utc < datetime.now(UTC) + ENDS_SOON:
        end = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        renew = "Get a new certificate for the key, and keep the old one for those who verify."
        findings.append(warning(f"The certificate {file} ends on {end}.", renew))
    return findings


def _rights(file: Path) -> Findings:
    status = file.stat()
    findings = []
    if stat.S_IMODE(status.st_mode) & 0o077:
        findings.append(
            fault(f"Others than its owner may read or change {file}.", f"chmod 600 {file}")
        )
    if not os.access(file.parent, os.X_OK):
        findings.append(_unreadable(file, "its folder"))
    return findings


def _unreadable(file: Path, setting: str) -> DoctorFinding:
    return fault(
        f"{file} can’t be read as a private key without a password.",
        f"Restore it from a backup, let the portal’s account read it, or correct {setting}.",
    )
