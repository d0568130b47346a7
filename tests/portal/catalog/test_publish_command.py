"""``manage.py publish``: what it asks, tells, tries and records."""

from __future__ import annotations

import io
import json
import os
import shutil

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from safetensors.numpy import load_file, save_file

from portal.audit.models import AuditEvent
from portal.catalog import load_check
from portal.catalog.models import Blob, Revision
from portal.catalog.services.commits import Add, commit_changes
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.lookup import head_revision
from portal.storage import blob_store
from portal.storage.local import LocalBlobStore
from tests.factories.accounts import make_user
from tests.factories.catalog import make_folder, make_repo
from tests.factories.jobs import tiny_model, with_pair

pytestmark = pytest.mark.django_db
LONG_AGO = 1_700_000_000
NOT_LOADED = ("--no-load-check", "Not now.")
SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def model(whole_model, tmp_path):
    return shutil.copytree(whole_model, tmp_path / "model")


@pytest.fixture
def publish(settings, tmp_path):
    """Return a function that publishes a folder which hasn't changed for a while."""
    settings.VAR = tmp_path / "var"
    operator, repo = make_user("operator", superuser=True), make_repo("opt")

    def publish(folder, *options):
        for path in folder.rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        out = io.StringIO()
        call_command(
            "publish", folder, "--repo", repo.full_name, "--as", operator.username, *options,
            stdout=out, stderr=out,
        )  # fmt: skip
        return out.getvalue()

    publish.repo, publish.operator = repo, operator
    return publish


def line(fate, path):
    return f"{fate:7} {path.stat().st_size:>15,}  {path.name}"


def event():
    return AuditEvent.objects.get(type="revision.published").data


def test_the_stored_bytes_are_loaded_and_the_statement_is_recorded(publish, model):
    output = publish(model, "--licensor")
    assert "loaded the stored files and generated" in output
    assert event()["statement"] == {"by": "licensor"}
    assert event()["load_check"]["result"] == "loaded"
    assert event()["load_check"]["ranks"] == 1
    assert len(event()["load_check"]["tokens"]) == 8
    assert Revision.objects.get().commit in output


def test_the_stored_bytes_are_loaded_over_ranks_that_serve_where_there_are_layers_for_them(
    publish, model, settings
):
    settings.ENGINE_PIPELINE_PARALLEL_SIZE = 16
    publish(model, "--licensor")
    assert event()["load_check"]["result"] == "loaded"
    layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
    assert event()["load_check"]["ranks"] == layers == 2


def test_a_tokenizer_in_two_files_is_loaded_as_one_in_tokenizer_json(publish, model, tmp_path):
    publish(model, "--licensor")
    publish(with_pair(model, tmp_path / "pair"), "--licensor")
    events = AuditEvent.objects.filter(type="revision.published")
    one, pair = (event.data["load_check"]["tokens"] for event in events)
    assert one == pair


def test_a_folder_as_the_family_is_published_is_loaded_where_pickles_are_allowed(
    publish, model, tmp_path
):
    import torch
    from safetensors.torch import load_file as load_tensors

    folder = with_pair(model, tmp_path / "published")
    shards = sorted(folder.glob("*.safetensors"))
    torch.save(
        {name: tensor for shard in shards for name, tensor in load_tensors(shard).items()},
        folder / "pytorch_model.bin",
    )
    for path in (*shards, folder / "model.safetensors.index.json"):
        path.unlink()
    publish(folder, "--licensor", "--allow-pickle")
    assert event()["load_check"]["result"] == "loaded"


def test_by_what_right_is_asked_before_anything_is_stored(publish, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="--licensor"):
        publish(folder)
    with pytest.raises(CommandError, match="who gave the consent"):
        publish(folder, "--consent", " ")
    assert not Blob.objects.exists()
    assert not list(blob_store().stored())


def test_consent_and_a_reason_are_recorded(publish, tmp_path):
    consent, reason = "The lab, by letter of 1 March, kept by the library.", "It needs 16 GPUs."
    output = publish(make_folder(tmp_path / "in"), "--consent", consent, "--no-load-check", reason)
    assert reason in output
    assert event()["statement"] == {"by": "consent", "consent": consent}
    assert event()["load_check"] == {"result": "skipped", "reason": reason}
    with pytest.raises(CommandError, match="takes a reason"):
        publish(make_folder(tmp_path / "in"), "--licensor", "--no-load-check", "")


def test_what_the_engine_can_not_load_is_refused_in_its_words(publish, model):
    shard = next(model.glob("*-00002-of-*.safetensors"))
    tensors = load_file(shard)
    dropped = sorted(tensors)[0]
    del tensors[dropped]
    save_file(tensors, shard)
    index = model / "model.safetensors.index.json"
    names = json.loads(index.read_text())
    del names["weight_map"][dropped]
    index.write_text(json.dumps(names))
    with pytest.raises(CommandError, match=f"(?s)The engine says.*absent: {dropped}"):
        publish(model, "--licensor")
    assert not Revision.objects.exists()


def test_weights_that_are_no_numbers_are_refused(publish, model):
    shard = next(model.glob("*-00001-of-*.safetensors"))
    tensors = load_file(shard)
    name = sorted(tensors)[0]
    tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, shard)
    with pytest.raises(CommandError, match=f"{name} in .* holds NaN"):
        publish(model, "--licensor")
    assert not Revision.objects.exists()


def test_weights_of_another_kind_are_read_and_that_is_said(publish, tmp_path):
    folder = make_folder(tmp_path / "in", **{"config.json": '{"model_type": "other"}'})
    output = publish(folder, "--licensor")
    assert "read in full and are finite; the engine did not load them" in output
    assert event()["load_check"]["result"] == "read"


def test_bytes_that_went_bad_in_the_store_are_found_by_loading(publish, model, monkeypatch):
    """The folder is sound, what is stored of it isn't."""
    shard = next(model.glob("*-00001-of-*.safetensors"))
    take = LocalBlobStore._take

    def take_and_spoil(self, content, *, expected):
        digest = take(self, content, expected=expected)
        if self.size_bytes(digest) == shard.stat().st_size:
            os.truncate(self.local_path(digest), 100)
        return digest

    monkeypatch.setattr(LocalBlobStore, "_take", take_and_spoil)
    with pytest.raises(CommandError, match="The engine says"):
        publish(model, "--licensor")


def test_a_dry_run_names_all_that_would_happen(publish, tmp_path):
    folder = make_folder(tmp_path / "in")
    (folder / "LICENSE").unlink()
    output = publish(folder, "--dry-run", *NOT_LOADED)
    assert line("new", folder / SHARD) in output
    assert "LICENSE would come from Noncommercial Research Licence 1.0." in output
    assert "SHA256SUMS and model.sig would be made; key " in output
    assert "4 new logbook entries." in output
    assert "as the first revision, titled “Publish a revision”. Nothing changed." in output
    assert not Revision.objects.exists()
    assert not list(blob_store().stored())


def test_a_dry_run_tells_what_is_here_already(publish, tmp_path):
    folder = make_folder(tmp_path / "in", **{"notes.txt": "Notes."})
    publish(folder, "--licensor", "--no-load-check", "Not now.")
    assert "no new revision. Nothing changed." in publish(folder, "--dry-run", *NOT_LOADED)
    (folder / "notes.txt").unlink()
    (folder / "copy.txt").write_text("Notes.")
    output = publish(folder, "--dry-run", *NOT_LOADED)
    assert line("stored", folder / "copy.txt") in output
    assert "removed                  notes.txt" in output
    assert line("same", folder / SHARD) in output


def test_a_repo_that_does_not_exist_is_made_first(publish, model):
    publish.repo.delete()
    with pytest.raises(CommandError, match=f"hf repos create {publish.repo.full_name}"):
        publish(model, "--dry-run")


def test_hidden_files_of_the_repo_stay(publish, tmp_path):
    folder = make_folder(tmp_path / "in")
    publish(folder, "--licensor", *NOT_LOADED)
    commit_changes(
        actor=publish.operator,
        repo_id=publish.repo.pk,
        branch="main",
        changes=[Add(store_bytes(".gitattributes", b"*.bin filter=lfs\n"))],
        title="Say what goes by LFS",
        now=timezone.now(),
    )
    (folder / "notes.txt").write_text("Notes.")
    assert ".gitattributes" not in publish(folder, "--dry-run", *NOT_LOADED)
    publish(folder, "--licensor", *NOT_LOADED)
    assert head_revision(publish.repo).files.filter(path=".gitattributes").exists()
    assert "no new revision" in publish(folder, "--dry-run", *NOT_LOADED)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("adapter_config.json", "{}"),
        ("generation_config.json", "{"),
        ("generation_config.json", '{"temperature": -1}'),
        ("tokenizer_config.json", "[]"),
        ("config.json", '{"model_type": "opt"}'),
    ],
)
def test_what_the_engine_refuses_by_a_small_file_a_dry_run_refuses_and_nothing_is_stored(
    publish, model, name, text
):
    (model / name).write_text(text)
    for way in ("--dry-run", "--licensor"):
        with pytest.raises(CommandError, match=f"(?s)Not published:.*{name}") as refused:
            publish(model, way)
        assert "The engine says" not in str(refused.value)
        assert str(model) not in str(refused.value)
    assert not list(blob_store().stored())


def test_names_that_no_model_has_are_refused_before_anything_is_stored(publish, model):
    index = model / "model.safetensors.index.json"
    index.unlink()
    shards = sorted(model.glob("*.safetensors"))
    tensors = {f"base_model.model.{k}": v for shard in shards for k, v in load_file(shard).items()}
    for shard in shards:
        shard.unlink()
    save_file(tensors, model / "model.safetensors")
    with pytest.raises(CommandError, match=r"model.safetensors holds the weights of an adapter"):
        publish(model, "--dry-run")


def test_what_is_stored_and_hashed_is_neither_read_nor_sent_again(publish, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in")
    options = ("--licensor", "--no-load-check", "Not now.")
    monkeypatch.setattr(load_check.LoadCheck, "__call__", _stop)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, *options)
    monkeypatch.undo()
    shard = folder / "model-00001-of-00002.safetensors"
    status, content = shard.stat(), shard.read_bytes()
    shard.write_bytes(content[:-1] + b"\xff")
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if it were the same
    publish(folder, *options)
    stored = Revision.objects.get().files.get(path=shard.name)
    assert blob_store().open(stored.blob_id).read() == content


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answers", "statement"),
    [
        ("yes\n", {"by": "licensor"}),
        ("n\nThe lab, by letter.\n", {"by": "consent", "consent": "The lab, by letter."}),
    ],
)
def test_at_a_terminal_it_asks(publish, tmp_path, monkeypatch, answers, statement):
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    publish(make_folder(tmp_path / "in"), "--no-load-check", "Not now.")
    assert event()["statement"] == statement


def test_who_has_neither_publishes_nothing(publish, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("\n\n"))
    with pytest.raises(CommandError, match="nothing is published"):
        publish(make_folder(tmp_path / "in"))
    assert not Revision.objects.exists()


def test_from_a_bucket_the_files_are_fetched_to_be_loaded(publish, model, s3_store, settings):
    settings.STORAGE = "s3"
    blob_store.cache_clear()
    output = publish(model, "--licensor")
    assert "loaded the stored files and generated" in output
    assert s3_store.has(Revision.objects.get().files.get(path="config.json").blob_id)
    assert not list((settings.VAR / "publish").glob("load-check-*"))


def test_a_pickle_that_is_allowed_is_recorded(publish, tmp_path):
    folder = make_folder(tmp_path / "in", **{"optimizer.pt": b"\x80\x02"})
    options = ("--licensor", "--no-load-check", "Not now.")
    with pytest.raises(CommandError, match="runs code"):
        publish(folder, *options)
    assert "optimizer.pt is a pickle" in publish(folder, *options, "--allow-pickle")
    assert event()["allow_pickle"] is True


def _stop(self, contents):
    raise KeyboardInterrupt
