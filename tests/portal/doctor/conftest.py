"""Fixtures of an installation that is well: its keys, a mail server, buckets."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.access.certificates import signing_key
from portal.catalog.manifests.key import manifest_key
from tests.buckets import s3_servers
from tests.postbox import postbox

__all__ = ["postbox", "s3_servers"]


@pytest.fixture
def keys(settings, tmp_path: Path) -> Path:
    """Make both signing keys in a folder of the test's own, and return that."""
    settings.VAR = tmp_path / "var"
    settings.VAR.mkdir()
    settings.MANIFEST_KEY_FILE = settings.MANIFEST_KEY_MADE_AT = settings.VAR / "manifest/key.pem"
    settings.SIGNING_KEY_FILE = settings.VAR / "signing/key.pem"
    settings.SIGNING_CERT_FILE = settings.VAR / "signing/certificate.pem"
    manifest_key()
    signing_key.certificate_pem()
    return settings.VAR
