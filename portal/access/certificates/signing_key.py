"""The installation's own key: it signs certificates, and anybody can have its certificate."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.conf import settings

from portal.access.errors import NoSigningKey

KEY_BITS = 3072
YEARS = 20


def sign_pdf(pdf: bytes, *, reason: str) -> bytes:
    """The same document with a signature over all of it, after which no change is allowed."""
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
    """The certificate of the key that signs today. Raises NoSigningKey."""
    try:
        return _files()[1].read_bytes()
    except OSError as error:
        raise NoSigningKey from error


def fingerprint() -> str:
    """sha256 of the certificate, as tools show it."""
    certificate = x509.load_pem_x509_certificate(certificate_pem())
    return certificate.fingerprint(hashes.SHA256()).hex()


def _files() -> tuple[Path, Path]:
    """Key and certificate; made at the first use, where they lie at their default places."""
    key_file, certificate_file = settings.SIGNING_KEY_FILE, settings.SIGNING_CERT_FILE
    own = settings.VAR / "signing"
    if key_file.parent == certificate_file.parent == own and not own.exists():
        _make(own, key_file.name, certificate_file.name)
    if not key_file.is_file() or not certificate_file.is_file():
        raise NoSigningKey
    return key_file, certificate_file


def _make(folder: Path, key_name: str, certificate_name: str) -> None:
    """Both at once or neither: of two processes that try, one wins and the other uses its key."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".signing-", dir=folder.parent))  # 0700
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = _self_signed(key, datetime.now(UTC)).public_bytes(serialization.Encoding.PEM)
    for name, content in ((key_name, private), (certificate_name, public)):
        descriptor = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not folder.is_dir():
            raise


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
