"""nginx takes the whole configuration with TLS."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.embedded import nginx
from portal.embedded.demo.parts import ROOT
from portal.embedded.errors import EmbeddedError
from portal.own_keys import private_pem
from tests.live import free_port

HOST = "weights.example.org"


def test_the_example_for_certbot_is_taken(tmp_path):
    try:
        program = nginx.program()
    except EmbeddedError as error:
        pytest.skip(str(error))
    values = {
        "NGINX_LISTEN": f"127.0.0.1:{free_port()} ssl",
        "NGINX_TLS": str(tls_file(tmp_path)),
        "NGINX_RUN_DIR": str(tmp_path),
        "NGINX_LOG_DIR": str(tmp_path),
        "NGINX_BYTES_SOCKET": str(tmp_path / "bytes.sock"),
        "WEIGHTGATE_PAGES": f"unix:{tmp_path}/pages.sock",
        "WEIGHTGATE_STREAMS": f"unix:{tmp_path}/streams.sock",
        "WEIGHTGATE_BLOB_DIR": str(tmp_path),
        "WEIGHTGATE_MAX_DOWNLOADS": "64",
    }
    config = tmp_path / "nginx.conf"
    config.write_text(nginx.NAME.sub(lambda name: values[name[1]], nginx.TEMPLATE.read_text()))
    test = [program, "-t", "-c", str(config), "-e", str(tmp_path / "error.log")]
    done = subprocess.run(test, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def tls_file(folder: Path) -> Path:
    """Write deploy/tls.conf with a certificate that exists, and a port that anybody may use."""
    write_certificate(folder)
    text = (ROOT / "deploy/tls.conf").read_text()
    path = folder / "tls.conf"
    text = text.replace(f"/etc/letsencrypt/live/{HOST}", str(folder))
    path.write_text(text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};"))
    return path


def write_certificate(folder: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "privkey.pem").write_bytes(private_pem(key))
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
