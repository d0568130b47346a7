"""Find what would spoil a conversion before its first shard is written, and say so in a line."""

import resource
import signal
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from inference.__main__ import main
from inference.checkpoints import convert as convert_module
from inference.checkpoints.writing.destination import hold, require_disk_space
from inference.errors import CheckpointError
from tests.inference.conversions import LAYER, cast, loaded, rewrite, set_number
from tests.inference.folders import forms, vocabulary, weights
from tests.inference.folders.compare import logits_of
from tests.inference.folders.vocabulary import TOKENS

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
    "a pair with an id twice": (
        lambda f: [(f / "tokenizer.json").unlink(), vocabulary.write_published(f),
                   weights.change(f / "vocab.json", again=7)],
        (), "vocab.json and merges.txt give one id to two tokens",
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
    summary = converted(*SIZES)
    assert summary["kept"] == 2
    assert summary["kept"] + summary["written"] == summary["shards"]
    assert torch.equal(logits_of(loaded(tmp_path / "out")), logits_of(loaded(source)))
    assert converted(*SIZES)["written"] == 0
    assert "to another dtype" in converted(*SIZES, "--dtype", "float16", status=2)


def test_one_conversion_at_a_time_writes_a_folder(source, tmp_path, converted):
    forms.save_pretrained(source)
    with hold(tmp_path / "out"):
        assert "another conversion is writing" in converted(status=2)
    assert converted()["written"] == 1


def test_more_than_the_disk_holds_is_refused_with_both_sizes(tmp_path):
    shards = {"model-00001-of-00001.safetensors": {"a": (torch.float16, (10**9, 10**9))}}
    sizes = r"2,000,000,000\.1 GB are to be written, and .* has [\d,.]+ GB free"
    with pytest.raises(CheckpointError, match=sizes):
        require_disk_space(tmp_path / "out", shards)


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


def test_a_file_that_was_saved_without_sums_is_not_taken_for_damaged(source, converted):
    torch.serialization.set_crc32_options(False)
    try:
        forms.published(source)
    finally:
        torch.serialization.set_crc32_options(True)
    assert main(["check", str(source)]) == 0
    assert converted()["written"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")
@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_a_file_that_the_system_maps_not_at_once_is_a_line(form, source, converted):
    weights.save_config(source, weights.opt())
    large = {"lm_head.weight": torch.zeros(1_000_000, 32)}
    if form == "bin":
        torch.save(large, source / "pytorch_model.bin")
    else:
        save_file(large, source / "model.safetensors")
    del large
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + 100_000_000, before[1])
    )
    try:
        said = converted(status=2)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert "cannot be mapped: the system grants no 0.1 GB at once" in said


def test_a_pickled_model_is_told_from_weights(source, tmp_path, converted):
    torch.save(weights.copied(), source / "restored.pt")
    assert "restored.pt holds a whole model, not weights by name" in converted(status=2)
