"""A revision's page of verification, and the keys it points to."""

from __future__ import annotations

import hashlib

import pytest

from portal.catalog.models import RevisionSignature
from portal.catalog.services.lookup import find_file
from portal.storage import blob_store
from tests.factories.catalog import make_repo, make_revision

pytestmark = pytest.mark.django_db


@pytest.fixture
def revision(tmp_path):
    return make_revision(make_repo("opt"), tmp_path / "in")


def page_of(client, revision, name="main"):
    response = client.get(f"/{revision.repo.full_name}/verify/{name}")
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_what_is_signed_by_whom_and_how_to_verify_it(client, revision, settings):
    page = page_of(client, revision)
    signed = revision.files.exclude(path="model.sig").count()
    assert f"One signature over {signed} files" in page
    assert revision.signature.key_id in page
    assert f"--revision {revision.commit}" in page
    assert "sha256sum -c SHA256SUMS" in page
    assert "model_signing verify key --signature opt/model.sig" in page
    for file in revision.files.all():
        assert file.blob_id in page
    assert revision.repo.licence.versions.get().attribution in page


def test_the_keys_it_points_to_are_public(client, revision, settings):
    known = client.get(f"/record/manifest-keys/{revision.signature.key_id}.pem")
    assert hashlib.sha256(known.content).hexdigest() == revision.signature.key_id
    assert client.get("/record/manifest-key.pem").content == known.content
    assert client.get("/record/manifest-keys/none.pem").status_code == 404


def test_a_signature_that_no_longer_holds_is_told(client, revision):
    readme = revision.files.get(path="README.md")
    readme.blob = find_file(revision, "LICENSE").blob
    readme.save()
    assert "aren’t the files that were signed" in page_of(client, revision, revision.commit)
    blob_store().delete(revision.signature.blob_id)
    assert "The signature is missing from the store." in page_of(client, revision)


def test_a_revision_without_one_says_so(client, revision):
    RevisionSignature.objects.all().delete()
    assert "This revision is not signed" in page_of(client, revision)


def test_strangers_find_no_private_repo(client, tmp_path):
    private = make_revision(make_repo(private=True), tmp_path / "private")
    assert client.get(f"/{private.repo.full_name}/verify/main").status_code == 404


def test_the_models_page_leads_there(client, revision):
    page = client.get(f"/{revision.repo.full_name}").content.decode()
    assert f"/{revision.repo.full_name}/verify/{revision.commit}" in page
