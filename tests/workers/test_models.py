from __future__ import annotations

import pytest

from portal.catalog.load_check import is_needed
from portal.catalog.models import Blob
from portal.storage import CorruptBlob
from portal.storage.local import LocalBlobStore
from tests.factories.jobs import make_hosted, with_pair
from workers import models
from workers.models import materialise


class Remote(LocalBlobStore):
    """A store as a bucket: it streams, and has no file on this machine."""

    def local_path(self, sha256):
        return None


@pytest.fixture
def revision(db, model):
    return make_hosted(model).revisions.get()


def test_the_folder_is_what_the_engine_reads(revision, model):
    folder = materialise(revision)
    assert folder.name == revision.commit
    for name in ("config.json", "tokenizer.json", "model.safetensors.index.json"):
        assert (folder / name).read_bytes() == (model / name).read_bytes()
    assert len(list(folder.glob("*.safetensors"))) == 2
    assert not (folder / "README.md").exists()


def test_a_tokenizer_in_two_files_is_there_whole(db, model, tmp_path):
    folder = materialise(make_hosted(with_pair(model, tmp_path / "pair")).revisions.get())
    assert (folder / "vocab.json").exists()
    assert (folder / "merges.txt").exists()


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("pytorch_model.bin", True),
        ("pytorch_model-00001-of-00002.bin", True),
        ("a/pytorch_model.bin", True),
        ("training_args.bin", False),
        ("optimizer.pt", False),
        ("README.md", False),
        ("vocab.json", True),
        ("notes-on-merges.txt", False),
    ],
)
def test_of_pickles_weights_alone_are_read(path, needed):
    assert is_needed(path) is needed


def test_again_is_the_same_folder(revision):
    assert materialise(revision) == materialise(revision)


def test_a_remote_store_is_downloaded(revision, model, monkeypatch, settings):
    monkeypatch.setattr(models, "blob_store", lambda: Remote(settings.BLOB_DIR))
    assert (materialise(revision) / "config.json").read_bytes() == (
        model / "config.json"
    ).read_bytes()


def test_a_file_of_the_wrong_size_leaves_nothing_behind(revision, settings):
    config = revision.files.get(path="config.json")
    Blob.objects.filter(pk=config.blob_id).update(size_bytes=1)
    with pytest.raises(CorruptBlob):
        materialise(revision)
    assert list((settings.VAR / "models").iterdir()) == []
