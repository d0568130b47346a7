"""A folder becomes a revision whole, or not at all."""

from __future__ import annotations

import hashlib

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.errors import MayNotPublish, NotPublishable
from portal.catalog.logbook.totals import totals
from portal.catalog.models import Blob, LogbookEntry, Ref, Revision
from portal.catalog.services.lookup import find_file, find_revision, split_revision
from portal.catalog.services.publishing import publish_revision
from portal.storage import blob_store
from tests.factories.accounts import make_user
from tests.factories.catalog import make_folder, make_repo, make_revision

pytestmark = pytest.mark.django_db


def test_every_file_is_stored_under_its_hash(tmp_path):
    folder = make_folder(tmp_path / "in")
    revision = make_revision(make_repo(), folder)
    for path in folder.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert find_file(revision, path.name).blob_id == digest
        assert blob_store().open(digest).read() == path.read_bytes()


def test_the_sums_list_every_other_file(tmp_path):
    revision = make_revision(make_repo(), tmp_path / "in")
    sums = blob_store().open(find_file(revision, "SHA256SUMS").blob_id).read().decode()
    listed = dict(reversed(line.split("  ")) for line in sums.splitlines())
    others = revision.files.exclude(path__in=["SHA256SUMS", "model.sig"])
    assert listed == dict(others.values_list("path", "blob_id"))


def test_main_names_it_and_it_is_recorded(tmp_path):
    repo = make_repo()
    revision = make_revision(repo, tmp_path / "in")
    assert Ref.objects.get(repo=repo, name="main").revision == revision
    event = AuditEvent.objects.get(type="revision.published")
    assert event.data["commit"] == revision.commit


def test_the_same_files_make_no_second_revision(tmp_path):
    repo = make_repo()
    first = make_revision(repo, tmp_path / "in")
    assert make_revision(repo, tmp_path / "in", title="Again") == first
    assert AuditEvent.objects.filter(type="revision.published").count() == 1


def test_a_change_makes_a_child_and_shares_the_rest(tmp_path):
    repo = make_repo()
    first = make_revision(repo, make_folder(tmp_path / "in"))
    blobs = Blob.objects.count()
    second = make_revision(repo, make_folder(tmp_path / "in", **{"README.md": "# Newer\n"}))
    assert second.parent == first
    assert Blob.objects.count() == blobs + 3  # the card, and the sums and signature of it
    assert find_revision(repo).pk == second.pk
    assert find_revision(repo, first.commit[:10]).pk == first.pk


def test_two_repos_of_one_content_have_commits_of_their_own(tmp_path):
    folder = make_folder(tmp_path / "in")
    one, other = make_revision(make_repo(), folder), make_revision(make_repo(), folder)
    assert one.commit != other.commit


@pytest.mark.parametrize("missing", ["README.md", "config.json", "tokenizer.json"])
def test_what_is_missing_is_named(tmp_path, missing):
    folder = make_folder(tmp_path / "in")
    (folder / missing).unlink()
    with pytest.raises(NotPublishable, match=missing):
        make_revision(make_repo(), folder)
    assert not Revision.objects.exists()


def test_the_licence_gives_its_text_and_notice_where_the_folder_has_none(tmp_path):
    folder = make_folder(tmp_path / "in")
    (folder / "LICENSE").unlink()
    repo = make_repo()
    revision = make_revision(repo, folder)
    version = repo.licence.versions.get()
    text, notice = (find_file(revision, name) for name in ("LICENSE", "NOTICE"))
    assert text.blob_id == version.sha256
    assert blob_store().open(notice.blob_id).read().decode() == f"{version.attribution}\n"
    assert text.is_open
    assert notice.is_open
    assert make_revision(repo, folder, title="Again") == revision
    assert not (folder / "LICENSE").exists()


def test_what_the_folder_says_itself_is_kept(tmp_path):
    folder = make_folder(tmp_path / "in", NOTICE="Parts by others.\n")
    revision = make_revision(make_repo(), folder)
    for name in ("LICENSE", "NOTICE"):
        stored = blob_store().open(find_file(revision, name).blob_id).read()
        assert stored == (folder / name).read_bytes()


def test_without_a_licence_the_folder_must_hold_one(tmp_path):
    folder = make_folder(tmp_path / "in")
    repo = make_repo(gate="open", licence=None)
    assert not make_revision(repo, folder).files.filter(path="NOTICE").exists()
    (folder / "LICENSE").unlink()
    with pytest.raises(NotPublishable, match="LICENSE"):
        make_revision(repo, folder)


def test_a_truncated_shard_is_refused(tmp_path):
    folder = make_folder(tmp_path / "in")
    shard = folder / "model-00001-of-00002.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(NotPublishable, match="cut short"):
        make_revision(make_repo(), folder)


def test_an_index_that_disagrees_with_its_shards_is_refused(tmp_path):
    folder = make_folder(
        tmp_path / "in", **{"model.safetensors.index.json": '{"weight_map": {"c": "nowhere"}}'}
    )
    with pytest.raises(NotPublishable, match="nowhere"):
        make_revision(make_repo(), folder)


def test_a_pickle_is_refused(tmp_path):
    folder = make_folder(tmp_path / "in", **{"pytorch_model.bin": b"\x80\x02"})
    with pytest.raises(NotPublishable, match="runs code"):
        make_revision(make_repo(), folder)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = make_folder(tmp_path / "in")
    (tmp_path / "secret").write_text("no")
    (folder / "leak.txt").symlink_to(tmp_path / "secret")
    revision = make_revision(make_repo(), folder)
    assert not revision.files.filter(path="leak.txt").exists()


def test_publishing_is_a_right(tmp_path, now):
    with pytest.raises(MayNotPublish):
        publish_revision(
            actor=make_user(),
            repo_id=make_repo().pk,
            folder=make_folder(tmp_path / "in"),
            title="Mine",
            now=now,
        )


def test_the_logbook_is_kept_once_and_its_totals_are_counted(tmp_path):
    repo = make_repo()
    make_revision(repo, make_folder(tmp_path / "in"))
    make_revision(repo, make_folder(tmp_path / "in", **{"README.md": "# Newer\n"}))
    entries = list(LogbookEntry.objects.filter(repo=repo))
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    derived = totals(entries)
    assert (derived.restarts_by_hand, derived.restarts_automatic) == (0, 1)
    assert derived.crashes == {"gpu_lost": 1}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"kind": "party"}', '{"kind": "note", "occurred_at": "2026-11-01 10:00"}'],
)
def test_a_logbook_that_cannot_be_read_is_named_by_line(tmp_path, line):
    folder = make_folder(tmp_path / "in", **{"logbook.jsonl": line})
    with pytest.raises(NotPublishable, match="line 1"):
        make_revision(make_repo(), folder)


def test_a_revision_and_a_path_are_told_apart_by_the_longest_ref(tmp_path):
    repo = make_repo()
    revision = make_revision(repo, tmp_path / "in")
    Ref.objects.create(repo=repo, kind="branch", name="feature/a", revision=revision)
    assert split_revision(repo, "feature/a/sub/file.txt") == (revision, "sub/file.txt")
    assert split_revision(repo, "main/feature/a") == (revision, "feature/a")
