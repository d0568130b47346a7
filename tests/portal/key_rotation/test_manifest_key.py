"""A new key signs manifests; what the former one has signed is verified as before."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from portal.audit.models import AuditEvent
from portal.catalog.manifests import manifest
from portal.catalog.manifests.key import fingerprint, manifest_key
from portal.storage import blob_store
from tests.factories.catalog import make_repo, make_revision

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_key(settings, tmp_path):
    settings.MANIFEST_KEY_FILE = settings.MANIFEST_KEY_MADE_AT = tmp_path / "keys/key.pem"


def verified_by_published_key(client, revision) -> str:
    """Verify a signature by the key that the site publishes for it; return its fingerprint."""
    signature = revision.signature
    published = client.get(f"/record/manifest-keys/{signature.key_id}.pem").content
    bundle = blob_store().open(signature.blob_id).read()
    assert manifest.verify(bundle, serialization.load_pem_public_key(published))
    return str(signature.key_id)


def test_old_signatures_verify_beside_new_ones(installation, client, settings, tmp_path):
    before = make_revision(make_repo("old"), tmp_path / "old")
    printed = installation.rotate("manifest")
    after = make_revision(make_repo("new"), tmp_path / "new")
    former, current = (verified_by_published_key(client, revision) for revision in (before, after))
    assert former != current
    assert former in printed
    assert client.get("/record/manifest-key.pem").content.decode() == after.signature.key.public_pem
    assert AuditEvent.objects.get(type="keys.rotated").data["former"] == former
    for path in settings.MANIFEST_KEY_FILE.parent.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_new_key_is_published_before_it_signs(installation, client):
    installation.rotate("manifest")
    current = fingerprint(manifest_key().public_key())
    assert client.get(f"/record/manifest-keys/{current}.pem").status_code == 200


def test_a_dry_run_changes_nothing(installation):
    before = fingerprint(manifest_key().public_key())
    assert "Nothing was changed." in installation.rotate("manifest", "--dry-run")
    assert fingerprint(manifest_key().public_key()) == before
