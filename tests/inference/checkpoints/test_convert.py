"""Every form that OPT's holders have, cut from a small model, comes back bit for bit."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from inference import Engine, SamplingParams
from inference.__main__ import main
from inference.checkpoints.convert import ConvertOptions, prepare
from inference.checkpoints.sources.source import ReadOptions
from inference.config import OptConfig
from inference.errors import CheckpointError, ConfigError
from inference.model.loader import EMBEDDING
from inference.tokenizer import Tokenizer
from tests.inference import metaseq_files
from tests.inference.conversions import SIZES, convert_folder, require_equal
from tests.inference.tiny_opts import RAGGED, ROOT, SHAPES, make_opt, reference_logits

FORMS = {
    "raw": lambda folder, peer: metaseq_files.save_raw(folder, peer, parts=8, shards=12),
    "raw, q k v apart": lambda folder, peer: metaseq_files.save_raw(
        folder, peer, parts=2, shards=3, fused=False
    ),
    "flat parts": lambda folder, peer: metaseq_files.save_parts(
        folder, peer, parts=8, flat="described"
    ),
    "parts": lambda folder, peer: metaseq_files.save_parts(folder, peer, parts=8),
    "parts, q k v apart": lambda folder, peer: metaseq_files.save_parts(
        folder, peer, parts=4, fused=False
    ),
    "singleton": metaseq_files.save_singleton,
    "bin": metaseq_files.save_bin,
}


def shape_of(config):
    """All that config.json says; of a post-norm model's final norm it says nothing."""
    config = OptConfig.from_dict(config.to_dict())
    said = config.to_dict() | {"final norm": config.has_final_layer_norm}
    return {name: value for name, value in said.items() if name != "_remove_final_layer_norm"}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_comes_back_bit_for_bit(form, peer, source, tmp_path):
    FORMS[form](source, peer)
    found, _ = convert_folder(source, tmp_path / "out")
    require_equal(found, peer)
    assert shape_of(OptConfig.from_directory(tmp_path / "out")) == shape_of(peer.config)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_layout_of_the_family_comes_back(shape, source, tmp_path):
    peer = make_opt(tmp_path / "peer", **(SIZES | SHAPES[shape]))
    metaseq_files.save_raw(source, peer, parts=2, shards=5)
    found, _ = convert_folder(source, tmp_path / "out")
    require_equal(found, peer)
    assert shape_of(OptConfig.from_directory(tmp_path / "out")) == shape_of(peer.config)


def test_the_engine_and_transformers_load_it_and_agree(peer, source, tmp_path):
    from transformers import AutoModelForCausalLM

    metaseq_files.save_raw(source, peer, parts=8, shards=3)
    convert_folder(source, tmp_path / "out", max_shard_bytes=20_000)
    assert len(list((tmp_path / "out").glob("*.safetensors"))) > 2
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    reference = reference_logits(loaded, RAGGED[3])
    expected = reference_logits(peer.half().float(), RAGGED[3])
    assert torch.equal(reference, expected)
    params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=5)
    with Engine(tmp_path / "out") as engine:
        [output] = engine.generate([RAGGED[3]], params)
    assert output.outputs[0].token_ids == [int(reference[-1].argmax())]
    for place, entries in enumerate(output.prompt_logprobs[1:]):
        for token, entry in entries.items():
            wanted = reference[place].log_softmax(-1)[token].item()
            assert entry.logprob == pytest.approx(wanted, abs=1e-4)


def test_flat_parts_that_say_nothing_of_their_order_are_refused_unless_asked(
    peer, source, tmp_path
):
    metaseq_files.save_parts(source, peer, parts=2, flat="bare")
    with pytest.raises(CheckpointError, match="no shard_metadata that says how to cut"):
        prepare(source, tmp_path / "out", ConvertOptions())
    with pytest.raises(ConfigError, match="give it with --config"):
        prepare(source, tmp_path / "out", ConvertOptions(ReadOptions(assume_order=True)))
    config = OptConfig.from_dict(peer.config.to_dict())
    found, _ = convert_folder(
        source, tmp_path / "out", read=ReadOptions(config=config, assume_order=True)
    )
    require_equal(found, peer)


def test_shards_keep_to_their_size_and_the_manifest_names_every_tensor(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    found, (written, kept) = convert_folder(source, tmp_path / "out", max_shard_bytes=20_000)
    shards = list((tmp_path / "out").glob("*.safetensors"))
    assert (written, kept) == (len(shards), 0)
    assert all(path.stat().st_size < 23_000 for path in shards)  # the header comes to it
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert set(manifest["tensors"]) == set(found)
    assert [file["name"] for file in manifest["source"]["files"]] == [
        "reshard-model_part-0.pt", "reshard-model_part-1.pt",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="one tensor alone is over 100 bytes"):
        prepare(source, tmp_path / "new", ConvertOptions(max_shard_bytes=100))


def test_a_tensors_hash_is_of_its_bytes_whatever_the_form(peer, tmp_path):
    hashes = []
    for form in ("raw", "parts", "singleton", "bin"):
        (tmp_path / form).mkdir()
        FORMS[form](tmp_path / form, peer)
        convert_folder(tmp_path / form, tmp_path / f"{form}-out")
        manifest = json.loads((tmp_path / f"{form}-out/manifest.json").read_text())
        hashes.append({name: entry["sha256"] for name, entry in manifest["tensors"].items()})
    assert all(digest == hashes[0] for digest in hashes)


KILLED = """
import os, signal, sys
from pathlib import Path
from inference.checkpoints.convert import ConvertOptions, convert, prepare
done = []
def advance(what, size):
    if what == "written":
        done.append(size)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
source, destination = map(Path, sys.argv[1:])
convert(prepare(source, destination, ConvertOptions(max_shard_bytes=8192)), advance)
"""


def test_killed_midway_it_goes_on_and_keeps_what_is_right(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(source), str(out)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert len(list(out.glob("*.safetensors"))) == 3
    assert not (out / "config.json").exists()
    second = sorted(out.glob("*.safetensors"))[1]
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    (out / second.name.replace("00002-of", "00004-of")).with_suffix(".safetensors.part").touch()
    found, (written, kept) = convert_folder(source, out, max_shard_bytes=8192)
    assert kept == 2
    require_equal(found, peer)
    assert convert_folder(source, out, max_shard_bytes=8192)[1] == (0, written + kept)


def test_a_folder_that_holds_something_else_is_left_alone(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="holds no conversion"):
        convert_folder(source, tmp_path / "full")
    convert_folder(source, tmp_path / "out")
    with pytest.raises(CheckpointError, match="shards of another size"):
        convert_folder(source, tmp_path / "out", max_shard_bytes=20_000)
    os.utime(source / "restored.pt", (1, 1))
    with pytest.raises(CheckpointError, match="or the files changed since"):
        convert_folder(source, tmp_path / "out")


def test_licences_go_along_and_a_tokenizer_is_made_of_metaseqs_files(source, tmp_path, trained):
    metaseq_files.save_singleton(source, make_opt(tmp_path / "peer", vocab_size=512))
    (source / "LICENSE.md").write_text("the terms")
    model = json.loads((trained / "tokenizer.json").read_text())["model"]
    (source / "gpt2-vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (source / "gpt2-merges.txt").write_text("#version: 0.2\n" + merges)
    convert_folder(source, tmp_path / "out")
    assert (tmp_path / "out/LICENSE.md").read_text() == "the terms"
    made, wanted = (Tokenizer.from_directory(folder) for folder in (tmp_path / "out", trained))
    assert made.encode("import os\n</s>") == wanted.encode("import os\n</s>")


def test_one_of_two_checkpoints_in_a_folder_is_told_by_a_file(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    metaseq_files.save_singleton(source, peer)
    with pytest.raises(CheckpointError, match="holds 2 checkpoints; give one of the files"):
        prepare(source, tmp_path / "out", ConvertOptions())
    found, _ = convert_folder(source / "restored.pt", tmp_path / "out")
    require_equal(found, peer)


def test_a_dtype_may_be_asked_for(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    found, _ = convert_folder(source, tmp_path / "out", dtype=torch.float32)
    assert torch.equal(found[EMBEDDING], metaseq_files.weights_of(peer)[EMBEDDING].float())


def test_the_command_tells_writes_nothing_when_dry_and_shows_a_bar(peer, source, tmp_path, capsys):
    metaseq_files.save_raw(source, peer, parts=2, shards=2)
    arguments = ["convert", str(source), str(tmp_path / "out")]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["form"], summary["source_files"], summary["tensors"]) == ("raw", 4, 36)
    assert not (tmp_path / "out").exists()
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "1 shard written; 0 kept, whose hashes are right" in captured.out
    assert "checked: 100%" in captured.err
    assert "written: 100%" in captured.err
    assert main(["convert", str(tmp_path / "out"), str(tmp_path / "new")]) == 0
    assert "transformers, safetensors" in capsys.readouterr().out
