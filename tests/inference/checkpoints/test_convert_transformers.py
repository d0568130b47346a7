"""Transformers' folders converted: what the author said stays, and what changes is listed."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.__main__ import main
from tests.inference import metaseq_files
from tests.inference.conversions import LAYER, loaded, rewrite, stored
from tests.inference.folders import FOLDERS, forms, weights
from tests.inference.folders.compare import logits_of


def test_what_conversion_has_no_say_in_stays_byte_for_byte(source, tmp_path, converted):
    FOLDERS["fields of a fine-tuning"].write(source)
    weights.change(source / "generation_config.json", eos_token_id=[2, 9], do_sample=True, top_k=3)
    (source / "config.json").write_text((source / "config.json").read_text().replace("  ", "    "))
    summary = converted()
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()
        assert name in summary["copied"]
    assert summary["changed"] == []
    assert set(summary["made"]) == {"model.safetensors.index.json", "manifest.json"}


def test_a_folder_without_a_generation_config_gets_none(source, tmp_path, converted):
    """It would hide what config.json says of generation."""
    FOLDERS["ends in the config"].write(source)
    converted()
    assert not (tmp_path / "out/generation_config.json").exists()


@pytest.mark.parametrize(
    "name",
    [
        "generation_config.json",
        "added_tokens.json",
        "additional_chat_templates/tool.jinja",
        "NOTES",
    ],
)
def test_a_file_of_an_earlier_source_does_not_stay_beside_the_same_weights(
    name, source, tmp_path, converted
):
    forms.save_pretrained(source)
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text("{}")
    converted()
    assert converted()["kept"] == 1
    (source / name).unlink()
    for options in ((), ("--dry-run",)):
        refusal = converted(*options, status=2)
        assert "holds what this conversion doesn't write, and what would change" in refusal
        assert name in refusal
    (tmp_path / "out" / name).unlink()
    assert converted()["kept"] == 1


def test_the_head_alone_becomes_the_embedding_and_the_bare_model_one_with_a_head(
    source, tmp_path, converted, capsys
):
    forms.safetensors_of_save_model(source)
    assert (
        "lm_head.weight isn't stored: it is model.decoder.embed_tokens.weight"
        in (converted()["changed"])
    )
    base = tmp_path / "base"
    base.mkdir()
    forms.base_model(base)
    assert main(["convert", str(base), str(tmp_path / "more"), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "named model.decoder.…, were decoder.…" in out
    assert 'architectures is ["OPTForCausalLM"], was ["OPTModel"]' in out


def test_what_is_small_and_harmless_goes_along_and_the_rest_is_named(source, tmp_path, converted):
    forms.save_pretrained(source)
    (source / "additional_chat_templates").mkdir()
    along = {
        "LICENSE": b"terms", "MODEL_LICENSE.pdf": b"%PDF-\0", "NOTICE.txt": "©".encode("latin-1"),
        "README.md": b"card", "chat_template.jinja": b"{{ messages }}", "curve.png": b"\x89PNG\0",
        "additional_chat_templates/tool.jinja": b"{{ tools }}", "added_tokens.json": b"{}",
    }  # fmt: skip
    behind = {
        "tf_model.h5": b"\x89HDF", "flax_model.msgpack": b"\0", "rust_model.ot": b"PK",
        "pytorch_model.bin": b"\x80", "training_args.bin": b"\x80", "modeling.py": b"import os",
        "notes.txt": b"\x80\x02\0", "pytorch_model.bin.index.json": b"{}", "optimizer.pt": b"PK",
        ".gitattributes": b"*.bin",
    }  # fmt: skip
    for name, content in (along | behind).items():
        (source / name).write_bytes(content)
    (source / "onnx").mkdir()
    (source / "logo.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    summary = converted()
    assert set(along) <= set(summary["copied"])
    assert set(summary["left"]) == {*behind, "onnx/", "logo.png (a Git LFS pointer)"}
    for name, content in along.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    assert json.loads((tmp_path / "out/model.safetensors.index.json").read_text())["weight_map"]
    assert not {"modeling.py", "onnx", "notes.txt"} & {p.name for p in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_another_dtype_is_told_with_what_it_costs(name, source, tmp_path, converted):
    peer = weights.copied()
    peer.model.decoder.layers[0].fc1.bias.data[3] = 1e-9
    forms.save_pretrained(source, peer)
    summary = converted("--dtype", name)
    dtype = getattr(torch, name)
    assert torch.equal(logits_of(loaded(tmp_path / "out", dtype)), logits_of(loaded(source, dtype)))
    assert "config.json: dtype is " + json.dumps(name) + ', was "float32"' in summary["changed"]
    assert f"36 weights are {name}, were float32" in summary["changed"]
    before, after = load_file(source / "model.safetensors"), stored(tmp_path / "out")
    apart = {n: (after[n].double() - before[n].double()).abs().max() for n in after}
    worst = max(apart, key=lambda n: apart[n] / before[n].abs().max())
    assert summary["rounding"]["tensor"] == worst
    relative = (apart[worst] / before[worst].double().abs().max()).item()
    assert summary["rounding"]["relative_error"] == pytest.approx(relative)
    assert summary["rounding"]["vanished"] == sum(
        int(((after[n] == 0) & (before[n] != 0)).sum()) for n in after
    )
    assert summary["rounding"]["vanished"] == (name == "float16")  # bfloat16 has 1e-9


def test_dtypes_that_are_mixed_stay_mixed_and_a_wider_one_costs_nothing(
    source, tmp_path, converted
):
    forms.save_pretrained(source)
    rewrite(source, lambda t: t.update({f"{LAYER}fc1.weight": t[f"{LAYER}fc1.weight"].half()}))
    assert "rounding" not in converted("--dtype", "float32", "--dry-run")
    assert "rounding" not in converted()
    assert stored(tmp_path / "out")[f"{LAYER}fc1.weight"].dtype == torch.float16
    assert torch.equal(logits_of(loaded(tmp_path / "out")), logits_of(loaded(source)))


def test_what_is_not_read_of_a_file_is_told(source, converted):
    """Notes in the header, and what old versions stored beside the weights."""
    weights.save_model(source, weights.opt())
    path = source / "model.safetensors"
    tensors = load_file(path) | {"model.decoder.version": torch.ones(1)}
    noted = {"format": "pt", "step": "9", "model.decoder.embed_tokens.weight": "lm_head.weight"}
    save_file(tensors, path, metadata=noted)
    changed = converted()["changed"]
    assert "the header of model.safetensors isn't kept: step" in changed
    assert "model.decoder.version in model.safetensors isn't kept: no model reads it" in changed


def test_what_metaseq_noted_for_training_is_kept(source, tmp_path, converted):
    peer = weights.copied()
    metaseq_files.save_singleton(source, peer)
    converted("--dry-run")
    state = torch.load(source / "restored.pt", weights_only=False)
    vars(state["cfg"]["model"]).update(dropout=0.25, attention_dropout=0.125)
    torch.save(state, source / "restored.pt")
    converted()
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert (config["dropout"], config["attention_dropout"]) == (0.25, 0.125)


def test_a_config_that_is_given_keeps_its_fields(source, tmp_path, converted):
    peer = weights.copied()
    metaseq_files.save_singleton(source, peer)
    weights.save_config(source, peer)
    other_config = tmp_path / "other.json"
    other_config.write_text((source / "config.json").read_text())
    weights.change(other_config, author="a laboratory")
    summary = converted("--config", str(other_config))
    assert json.loads((tmp_path / "out/config.json").read_text())["author"] == "a laboratory"
    assert summary["changed"][-1] == f"config.json is {other_config}, not the source's"


def test_a_result_without_a_tokenizer_says_so(source, converted):
    weights.copied().save_pretrained(source)
    assert converted()["tokenizer"].startswith("no tokenizer: looked for tokenizer.json")


def safetensors_shards(folder):
    forms.save_pretrained(folder, max_shard_size="10KB")


@pytest.mark.parametrize("form", [safetensors_shards, forms.bin_shards])
def test_an_index_names_its_shards_and_shards_without_one_are_converted(
    form, source, converted, capsys
):
    form(source)
    [index] = source.glob("*.index.json")
    converted("--dry-run", path=index)
    index.unlink()
    assert main(["generate", "x", "--model", str(source)]) == 2
    said = capsys.readouterr().err
    assert "no index of its shards" in said
    assert "inference convert" in said
    assert converted("--dry-run")["source_files"] > 1
