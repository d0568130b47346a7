"""A model’s files carry the licence in force, as the headers beside them do."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.licensing.relicensing import relicense_due, repos_to_relicense
from portal.catalog.models import File, PendingRef
from portal.catalog.services.licences import publish_licence_version
from portal.catalog.services.lookup import head_revision
from tests.factories.accounts import make_user
from tests.factories.catalog import TERMS, make_folder, make_repo, make_revision
from tests.portal.world import SHARD

pytestmark = pytest.mark.django_db
TEXT = "You may still study it."


def publish(repo, *, now, effective_at=None):
    return publish_licence_version(
        actor=make_user(superuser=True),
        slug=repo.licence.slug,
        version="2.0",
        text=TEXT,
        attribution="A newer notice.",
        terms=TERMS,
        effective_at=effective_at,
        now=now,
    )


def without_own_licence(repo, folder):
    make_folder(folder)
    (folder / "LICENSE").unlink()
    return make_revision(repo, folder)


@pytest.fixture
def repo(tmp_path):
    repo = make_repo(gate="open")
    without_own_licence(repo, tmp_path / "in")
    return repo


def read(client, repo, path, revision="main"):
    return client.get(f"/{repo.full_name}/resolve/{revision}/{path}", follow=True)


def test_a_client_gets_the_text_that_the_link_names(client, repo):
    before, now = head_revision(repo), timezone.now()
    version = publish(repo, now=now)
    assert relicense_due(now) == 1
    after = head_revision(repo)
    got = read(client, repo, "LICENSE")
    assert got.getvalue().decode() == TEXT
    assert "/licences/noncommercial/2.0>" in got["Link"]
    etag = client.head(f"/{repo.full_name}/resolve/main/LICENSE")["X-Linked-ETag"].strip('"')
    assert etag in (version.sha256, File.objects.get(revision=after, path="LICENSE").blob.git_sha1)
    assert read(client, repo, "NOTICE").getvalue().decode() == "A newer notice.\n"
    assert (after.parent, after.author) == (
        before,
        AuditEvent.objects.get(type="licence.published", target_id=str(version.pk)).actor,
    )


def test_the_revision_before_is_what_it_was(client, repo):
    before, now = head_revision(repo), timezone.now()
    publish(repo, now=now)
    relicense_due(now)
    assert read(client, repo, "LICENSE", before.commit).getvalue().decode() == "You may study it."


def test_checksums_and_signature_are_of_the_new_files(client, repo):
    now = timezone.now()
    publish(repo, now=now)
    relicense_due(now)
    sums = dict(
        reversed(line.split("  ", 1))
        for line in read(client, repo, "SHA256SUMS").getvalue().decode().splitlines()
    )
    assert sums["LICENSE"] == hashlib.sha256(TEXT.encode()).hexdigest()
    head = head_revision(repo)
    assert (
        dict(File.objects.filter(revision=head).values_list("path", "blob_id"))[SHARD]
        == sums[SHARD]
    )
    assert head.signature.blob_id != head.parent.signature.blob_id


def test_a_text_that_comes_into_force_later_waits_for_its_day(repo):
    now = timezone.now()
    publish(repo, now=now, effective_at=now + timedelta(days=7))
    assert relicense_due(now + timedelta(days=6)) == 0
    assert relicense_due(now + timedelta(days=7)) == 1
    assert relicense_due(now + timedelta(days=8)) == 0


def test_a_licence_of_the_labs_own_stays(tmp_path):
    repo = make_repo(gate="open")
    make_folder(tmp_path / "own", LICENSE="Our very own words.\n")
    head = make_revision(repo, tmp_path / "own")
    publish(repo, now=timezone.now())
    assert not repos_to_relicense(timezone.now()).exists()
    assert relicense_due(timezone.now()) == 0
    assert head_revision(repo) == head


def test_a_commit_in_quarantine_goes_first(repo):
    now = timezone.now()
    publish(repo, now=now)
    PendingRef.objects.create(repo=repo, kind="branch", name="main", revision=head_revision(repo))
    assert relicense_due(now) == 0
    PendingRef.objects.all().delete()
    assert relicense_due(now) == 1
