"""The key with which the installation signs certificates. Its public certificate is published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.conf import settings

from portal.access.errors import NoSigningKey
from portal.own_keys import private_pem, write_once

KEY_BITS = 3072
YEARS = 20


def sign_pdf(pdf: bytes, *, reason: str) -> bytes:
    """Return the document signed as a whole; the signature forbids any later change.

    Raise NoSigningKey where the key can't be read.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # slow to import
    from pyhanko.sign import fields, signers

    key_file, certificate_file = _files()
    signer = signers.SimpleSigner.load(  # type: ignore[no-untyped-call]  # as pyHanko left it
        str(key_file), str(certificate_file)
    )
    if signer is None:
        raise NoSigningKey
    meta = signers.PdfSignatureMetadata(
        field_name="Signature",
        md_algorithm="sha256",
        name=settings.SITE_NAME,
        reason=reason,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    signed: BytesIO = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), meta, signer)
    return signed.getvalue()


def certificate_pem() -> bytes:
    """Return the certificate of the key in use. Raise NoSigningKey where there is none."""
    try:
        return _files()[1].read_bytes()
    except OSError as error:
        raise NoSigningKey from error


def fingerprint() -> str:
    """Return the SHA-256 of the certificate in hex, as ``openssl x509 -fingerprint`` shows it."""
    certificate = x509.load_pem_x509_certificate(certificate_pem())
    return certificate.fingerprint(hashes.SHA256()).hex()


def _files() -> tuple[Path, Path]:
    """Return the paths of key and certificate, which are made here at the first use.

    Only at their default places: a key that an operator has named must exist, since a new one in
    its stead would sign certificates that nobody expects.
    """
    key_file, certificate_file = settings.SIGNING_KEY_FILE, settings.SIGNING_CERT_FILE
    default = settings.VAR / "signing"
    if key_file.parent == certificate_file.parent == default and not default.exists():
        _make(default, key_file.name, certificate_file.name)
    if not key_file.is_file() or not certificate_file.is_file():
        raise NoSigningKey
    return key_file, certificate_file


def _make(folder: Path, key_name: str, certificate_name: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    certificate = _self_signed(key, datetime.now(UTC)).public_bytes(serialization.Encoding.PEM)
    write_once(folder, {key_name: private_pem(key), certificate_name: certificate})


def _self_signed(key: rsa.RSAPrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"{settings.SITE_NAME} signatures"[:64])]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=366 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_to_sign_documents(), critical=True)
        .sign(key, hashes.SHA256())
    )


def _to_sign_documents() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
