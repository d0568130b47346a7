"""The engine loads what publishing stored, or publishing is refused in the engine's words."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from django.core.management import CommandError
from safetensors.numpy import load_file, save_file

from portal.audit.models import AuditEvent
from portal.catalog.models import Revision
from portal.storage import blob_store
from portal.storage.local import LocalBlobStore
from tests.factories.catalog import make_folder
from tests.factories.jobs import with_pair

pytestmark = pytest.mark.django_db


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


def test_from_a_bucket_the_files_are_fetched_to_be_loaded(publish, model, s3_store, settings):
    settings.STORAGE = "s3"
    blob_store.cache_clear()
    output = publish(model, "--licensor")
    assert "loaded the stored files and generated" in output
    assert s3_store.has(Revision.objects.get().files.get(path="config.json").blob_id)
    assert not list((settings.VAR / "publish").glob("load-check-*"))
