"""``inspect`` and ``check`` take every form that a checkpoint has, and tell the same of each."""

import json

import pytest
import torch

from inference.__main__ import main
from tests.inference import metaseq_files
from tests.inference.conversions import LAYER, cast, rewrite
from tests.inference.folders import FOLDERS, forms, weights


def test_inspect_tells_one_thing_of_every_form(tmp_path, capsys):
    peer = weights.copied().half()
    save = {
        "save_pretrained": lambda folder: peer.save_pretrained(folder),
        "shards": lambda folder: peer.save_pretrained(folder, max_shard_size=20_000),
        "save_model": lambda folder: weights.save_model(folder, peer),
        "bin": lambda folder: weights.save_bin(folder, peer),
        "bin shards": lambda folder: weights.save_bin_shards(folder, peer),
        "raw": lambda folder: metaseq_files.save_raw(folder, peer, parts=2, shards=3),
        "one file": lambda folder: metaseq_files.save_singleton(folder, peer),
    }
    listings = {}
    for name, write in save.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder)
        assert main(["inspect", str(folder), "--sha256", "--json", "--no-progress"]) == 0
        listing = json.loads(capsys.readouterr().out)
        tensors = listing["tensors"]
        listings[name] = [(t["name"], t["dtype"], t["shape"], t["sha256"]) for t in tensors]
        files = {path.name for path in folder.iterdir()}
        assert {tensor["file"] for tensor in tensors} <= files
        aliased = set(listing["aliases"].values())
        wanted = {"model.decoder.embed_tokens.weight"}
        assert aliased == (set() if name in ("save_pretrained", "shards", "raw") else wanted)
    assert all(other_listing == listings["raw"] for other_listing in listings.values())


def test_inspect_shows_the_config_as_it_is(source, capsys):
    FOLDERS["fields of a fine-tuning"].write(source)
    capsys.readouterr()
    assert main(["inspect", str(source), "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert listing["config"] == json.loads((source / "config.json").read_text())


def test_inspect_says_what_is_wrong_with_names_shapes_and_dtypes(source, capsys):
    forms.save_pretrained(source)
    rewrite(source, lambda t: t.update(foo=torch.zeros(2)))
    rewrite(source, cast(torch.int8))
    rewrite(source, lambda t: t.pop(f"{LAYER}fc1.bias"))
    assert main(["inspect", str(source)]) == 1
    said = capsys.readouterr().out
    for fault in ("extra: foo", "fc2.weight holds int8", f"absent: {LAYER}fc1.bias"):
        assert fault in said


CHECKED = {
    "safetensors": lambda folder, peer: peer.save_pretrained(folder),
    "shards": lambda folder, peer: peer.save_pretrained(folder, max_shard_size=40_000),
    "bin": lambda folder, peer: weights.save_bin(folder, peer),
    "bin shards": lambda folder, peer: weights.save_bin_shards(folder, peer),
    "raw": lambda folder, peer: metaseq_files.save_raw(folder, peer, parts=2, shards=3),
    "parts": lambda folder, peer: metaseq_files.save_parts(folder, peer, parts=2),
    "one file": lambda folder, peer: metaseq_files.save_singleton(folder, peer),
}


@pytest.mark.parametrize("form", CHECKED)
def test_check_reads_every_tensor_of_every_form(form, source, capsys):
    peer = weights.copied()
    CHECKED[form](source, peer)
    assert main(["check", str(source)]) == 0
    assert "all finite" in capsys.readouterr().out
    for path in source.iterdir():
        path.unlink()
    with torch.no_grad():
        peer.model.decoder.layers[1].fc2.bias[-1] = float("inf")
    CHECKED[form](source, peer)
    assert main(["check", str(source)]) == 2
    assert "decoder.layers.1.fc2.bias" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["convert", "check", "inspect"])
@pytest.mark.parametrize("act", ["to_sparse", "to_sparse_csr", "meta"])
def test_tensors_without_numbers_in_their_places_are_named(act, command, source, tmp_path, capsys):
    forms.published(source)
    path, name = source / "pytorch_model.bin", f"{LAYER}fc1.weight"
    tensors = torch.load(path)
    tensors[name] = tensors[name].to("meta") if act == "meta" else getattr(tensors[name], act)()
    torch.save(tensors, path)
    assert main([command, str(source), *[str(tmp_path / "out")][: command == "convert"]]) == 2
    assert f"{name} is sparse or on torch's meta device" in capsys.readouterr().err
