"""Transformers' folders converted: what the author said stays, and what changes is listed."""

import json
import resource
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.__main__ import main
from inference.checkpoints import convert as convert_module
from inference.checkpoints.destination import hold
from tests.inference import metaseq_files
from tests.inference.folders import FOLDERS, forms, vocabulary, weights
from tests.inference.folders.compare import logits_of
from tests.inference.folders.vocabulary import TOKENS

LAYER = "model.decoder.layers.0."


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def converted(source, tmp_path, capsys):
    """Convert and return what was told; with status, what was said of a refusal instead."""

    def run(*options, status=0, path=source):
        capsys.readouterr()  # what the writers of the source said
        asked = ["convert", str(path), str(tmp_path / "out"), "--json", "--no-progress", *options]
        found = main(asked), capsys.readouterr()
        assert found[0] == status, found
        return found[1].err if status else json.loads(found[1].out)

    return run


def stored(folder):
    return {n: t for path in folder.glob("*.safetensors") for n, t in load_file(path).items()}


def loaded(folder, dtype=torch.float32):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def rewrite(source, change):
    """Let change alter the weights of model.safetensors."""
    path = source / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_what_conversion_has_no_say_in_stays_byte_for_byte(source, tmp_path, converted):
    FOLDERS["fields of a fine-tuning"].write(source)
    weights.change(source / "generation_config.json", eos_token_id=[2, 9], do_sample=True, top_k=3)
    (source / "config.json").write_text((source / "config.json").read_text().replace("  ", "    "))
    told = converted()
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()
        assert name in told["copied"]
    assert told["changed"] == []
    assert set(told["made"]) == {"model.safetensors.index.json", "manifest.json"}


def test_a_folder_without_a_generation_config_gets_none(source, tmp_path, converted):
    """It would hide what config.json says of generation."""
    FOLDERS["ends in the config"].write(source)
    converted()
    assert not (tmp_path / "out/generation_config.json").exists()


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
        "notes.txt": b"\x80\x02\0", "model.safetensors.index.json": b"{}", "optimizer.pt": b"PK",
        ".gitattributes": b"*.bin",
    }  # fmt: skip
    for name, content in (along | behind).items():
        (source / name).write_bytes(content)
    (source / "onnx").mkdir()
    told = converted()
    assert set(along) <= set(told["copied"])
    assert set(told["left"]) == {*behind, "onnx/"}
    for name, content in along.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    assert json.loads((tmp_path / "out/model.safetensors.index.json").read_text())["weight_map"]
    assert not {"modeling.py", "onnx", "notes.txt"} & {p.name for p in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_another_dtype_is_told_with_what_it_costs(name, source, tmp_path, converted):
    peer = weights.copied()
    peer.model.decoder.layers[0].fc1.bias.data[3] = 1e-9
    forms.save_pretrained(source, peer)
    told = converted("--dtype", name)
    dtype = getattr(torch, name)
    assert torch.equal(logits_of(loaded(tmp_path / "out", dtype)), logits_of(loaded(source, dtype)))
    assert "config.json: dtype is " + json.dumps(name) + ', was "float32"' in told["changed"]
    assert f"36 weights are {name}, were float32" in told["changed"]
    before, after = load_file(source / "model.safetensors"), stored(tmp_path / "out")
    apart = {n: (after[n].double() - before[n].double()).abs().max() for n in after}
    worst = max(apart, key=lambda n: apart[n] / before[n].abs().max())
    assert told["rounding"]["tensor"] == worst
    relative = (apart[worst] / before[worst].double().abs().max()).item()
    assert told["rounding"]["relative_error"] == pytest.approx(relative)
    assert told["rounding"]["vanished"] == sum(
        int(((after[n] == 0) & (before[n] != 0)).sum()) for n in after
    )
    assert told["rounding"]["vanished"] == (name == "float16")  # bfloat16 has 1e-9


def test_dtypes_that_are_mixed_stay_mixed_and_a_wider_one_costs_nothing(
    source, tmp_path, converted
):
    forms.save_pretrained(source)
    rewrite(source, lambda t: t.update({f"{LAYER}fc1.weight": t[f"{LAYER}fc1.weight"].half()}))
    assert "rounding" not in converted("--dtype", "float32", "--dry-run")
    assert "rounding" not in converted()
    assert stored(tmp_path / "out")[f"{LAYER}fc1.weight"].dtype == torch.float16
    assert torch.equal(logits_of(loaded(tmp_path / "out")), logits_of(loaded(source)))


def set_number(value):
    def change(tensors):
        tensors[f"{LAYER}fc2.weight"].view(-1)[-1] = value

    return change


def cast(dtype):
    def change(tensors):
        tensors[f"{LAYER}fc2.weight"] = tensors[f"{LAYER}fc2.weight"].to(dtype)

    return change


FAULTS = {
    "NaN": (lambda f: rewrite(f, set_number(float("nan"))), (), "fc2.weight holds NaN or infinity"),
    "infinity": (lambda f: rewrite(f, set_number(-float("inf"))), (), "fc2.weight holds NaN"),
    "overflow": (
        lambda f: rewrite(f, set_number(7e4)), ("--dtype", "float16"),
        "fc2.weight reaches 7e+04, and float16 ends at 6.55e+04",
    ),
    "underflow": (
        lambda f: rewrite(f, lambda t: t[f"{LAYER}fc2.weight"].fill_(1e-9)),
        ("--dtype", "float16"), "all of them become 0 in float16",
    ),
    "whole numbers": (lambda f: rewrite(f, cast(torch.int8)), (), "fc2.weight holds int8"),
    "truth values": (lambda f: rewrite(f, cast(torch.bool)), (), "fc2.weight holds bool"),
    "8-bit floats": (
        lambda f: rewrite(f, cast(torch.float8_e4m3fn)), (), "fc2.weight holds float8_e4m3fn",
    ),
    "another head": (
        lambda f: rewrite(f, lambda t: t.update(
            {"lm_head.weight": -t["model.decoder.embed_tokens.weight"]}
        )),
        (), "lm_head.weight in model.safetensors and model.decoder.embed_tokens.weight in",
    ),
    "a layer less": (
        lambda f: weights.change(f / "config.json", num_hidden_layers=1), (),
        "extra: model.decoder.layers.1.fc1.bias",
    ),
    "another architecture": (
        lambda f: weights.change(f / "config.json", model_type="gpt2"), (), "model_type 'gpt2'",
    ),
    "a generation config that is none": (
        lambda f: (f / "generation_config.json").write_text("[]"), (), "generation_config.json",
    ),
    "a tokenizer that is none": (
        lambda f: (f / "tokenizer.json").write_text("<html>"), (), "tokenizer.json",
    ),
    "a larger vocabulary": (
        lambda f: vocabulary.save_tokenizer(f, [f"<|{n}|>" for n in range(9)]), (),
        f"tokenizer.json has ids up to {TOKENS + 8}, and the embedding only 304 rows",
    ),
    "GPT-2's own pair": (
        lambda f: [(f / "tokenizer.json").unlink(), vocabulary.write_published(f),
                   vocabulary.write_gpt2_pair(f),
                   (f / "gpt2-vocab.json").replace(f / "vocab.json")],
        (), "where the model's text ends (eos_token_id)",
    ),
    "half a pair": (
        lambda f: [(f / "tokenizer.json").unlink(), vocabulary.write_pair(f),
                   (f / "merges.txt").unlink()],
        (), "a vocabulary and its merges go together",
    ),
    "a shard that is absent": (
        lambda f: [(f / "model.safetensors").unlink(),
                   forms.save_pretrained(f, max_shard_size=40_000),
                   sorted(f.glob("*.safetensors"))[-1].unlink()],
        (), ".safetensors is absent",
    ),
    "a weight over the size": (lambda f: None, ("--max-shard-bytes", "99"), "over 99 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_dry_run_sees_the_fault_and_nothing_is_written(fault, source, tmp_path, converted):
    spoil, options, said = FAULTS[fault]
    forms.save_pretrained(source)
    spoil(source)
    dry = converted(*options, "--dry-run", status=2)
    assert said in dry
    assert converted(*options, status=2) == dry
    assert not (tmp_path / "out").exists()


def test_a_bin_file_with_another_head_is_told_by_its_own_names(source, tmp_path, converted):
    forms.published(source)
    tensors = torch.load(source / "pytorch_model.bin")
    torch.save(tensors | {"lm_head.weight": tensors["lm_head.weight"] + 1},
               source / "pytorch_model.bin")  # fmt: skip
    said = converted(status=2)
    assert "lm_head.weight in pytorch_model.bin and model.decoder.embed_tokens.weight in" in said
    assert "output_projection" not in said
    assert "part 0" not in said


def test_the_source_is_not_written_into(source, tmp_path, converted, capsys):
    forms.save_pretrained(source)
    for destination in (source, source / "out"):
        assert main(["convert", str(source), str(destination)]) == 2
        assert "is the source or lies in it" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["convert", str(source), str(tmp_path / "file")]) == 2
    assert "is a file: give a folder" in capsys.readouterr().err


SIZES = ("--max-shard-bytes", "40000")


def test_sigterm_stops_it_in_a_line_and_it_goes_on(
    source, tmp_path, converted, monkeypatch, capsys
):
    forms.safetensors_of_save_model(source)
    whole = convert_module.write_tensors
    calls = []

    def stopped(path, layout, tensors):
        calls.append(path)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGTERM)
        return whole(path, layout, tensors)

    monkeypatch.setattr(convert_module, "write_tensors", stopped)
    assert main(["convert", str(source), str(tmp_path / "out"), *SIZES]) == 130
    assert "isn't done: started again with the same words, it goes on" in capsys.readouterr().err
    assert not (tmp_path / "out/config.json").exists()
    told = converted(*SIZES)
    assert told["kept"] == 2
    assert told["kept"] + told["written"] == told["shards"]
    assert torch.equal(logits_of(loaded(tmp_path / "out")), logits_of(loaded(source)))
    assert converted(*SIZES)["written"] == 0
    assert "to another dtype" in converted(*SIZES, "--dtype", "float16", status=2)


def test_one_conversion_at_a_time_writes_a_folder(source, tmp_path, converted):
    forms.save_pretrained(source)
    with hold(tmp_path / "out"):
        assert "another conversion is writing" in converted(status=2)
    assert converted()["written"] == 1


def test_a_file_that_cannot_be_written_is_a_line_and_leaves_no_rest(source, tmp_path, converted):
    forms.save_pretrained(source)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        said = converted(status=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "model-00001-of-00001.safetensors: File too large" in said
    assert "goes on" in said
    assert not list((tmp_path / "out").glob("*.part"))
    assert converted()["written"] == 1


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
    found = {}
    for name, write in save.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder)
        assert main(["inspect", str(folder), "--sha256", "--json", "--no-progress"]) == 0
        told = json.loads(capsys.readouterr().out)
        tensors = told["tensors"]
        found[name] = [(t["name"], t["dtype"], t["shape"], t["sha256"]) for t in tensors]
        files = {path.name for path in folder.iterdir()}
        assert {tensor["file"] for tensor in tensors} <= files
        aliased = set(told["aliases"].values())
        wanted = {"model.decoder.embed_tokens.weight"}
        assert aliased == (set() if name in ("save_pretrained", "shards", "raw") else wanted)
    assert all(each == found["raw"] for each in found.values())


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


def test_inspect_shows_the_config_as_it_is(source, capsys):
    FOLDERS["fields of a fine-tuning"].write(source)
    capsys.readouterr()
    assert main(["inspect", str(source), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["config"] == json.loads((source / "config.json").read_text())


def test_inspect_says_what_is_wrong_with_names_shapes_and_dtypes(source, capsys):
    forms.save_pretrained(source)
    rewrite(source, lambda t: t.update(foo=torch.zeros(2)))
    rewrite(source, cast(torch.int8))
    rewrite(source, lambda t: t.pop(f"{LAYER}fc1.bias"))
    assert main(["inspect", str(source)]) == 1
    said = capsys.readouterr().out
    for fault in ("extra: foo", "fc2.weight holds int8", f"absent: {LAYER}fc1.bias"):
        assert fault in said


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


def test_a_file_that_was_saved_without_sums_is_not_taken_for_damaged(source, converted):
    torch.serialization.set_crc32_options(False)
    try:
        forms.published(source)
    finally:
        torch.serialization.set_crc32_options(True)
    assert main(["check", str(source)]) == 0
    assert converted()["written"] == 1


def test_a_pickled_model_is_told_from_weights(source, tmp_path, converted):
    torch.save(weights.copied(), source / "restored.pt")
    assert "restored.pt holds a whole model, not weights by name" in converted(status=2)


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
    other = tmp_path / "other.json"
    other.write_text((source / "config.json").read_text())
    weights.change(other, author="a laboratory")
    told = converted("--config", str(other))
    assert json.loads((tmp_path / "out/config.json").read_text())["author"] == "a laboratory"
    assert told["changed"][-1] == f"config.json is {other}, not the source's"


def test_a_result_without_a_tokenizer_says_so(source, converted):
    weights.copied().save_pretrained(source)
    assert converted()["tokenizer"].startswith("no tokenizer: looked for tokenizer.json")
