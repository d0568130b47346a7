"""Every form that OPT's holders have, cut from a small model, comes back bit for bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from inference import Engine, SamplingParams
from inference.__main__ import main
from inference.checkpoints.convert import ConvertOptions, convert, prepare
from inference.checkpoints.source import ReadOptions
from inference.config import OptConfig
from inference.errors import CheckpointError, ConfigError, WeightMismatch
from inference.loader import EMBEDDING
from inference.tokenizer import Tokenizer
from tests.inference import metaseq_files
from tests.inference.tiny_opts import RAGGED, ROOT, SHAPES, make_opt, reference_logits

SIZES = {"vocab_size": 96, "num_attention_heads": 8}
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


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    return make_opt(tmp_path_factory.mktemp("peer"), **SIZES)


def converted(source, destination, **options):
    """What convert writes, as {name: tensor}, and how many shards it wrote and kept."""
    conversion = prepare(source, destination, ConvertOptions(**options))
    outcome = convert(conversion, lambda what, size: None)
    return stored(destination), (outcome.written, outcome.kept)


def stored(folder):
    return {n: t for path in folder.glob("*.safetensors") for n, t in load_file(path).items()}


def require_equal(found, peer):
    wanted = metaseq_files.weights_of(peer)
    assert set(found) == set(wanted)
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []
    assert {tensor.dtype for tensor in found.values()} == {torch.float16}


def shape_of(config):
    """All that config.json says; of a post-norm model's final norm it says nothing."""
    config = OptConfig.from_dict(config.to_dict())
    said = config.to_dict() | {"final norm": config.has_final_layer_norm}
    return {name: value for name, value in said.items() if name != "_remove_final_layer_norm"}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_comes_back_bit_for_bit(form, peer, source, tmp_path):
    FORMS[form](source, peer)
    found, _ = converted(source, tmp_path / "out")
    require_equal(found, peer)
    assert shape_of(OptConfig.from_directory(tmp_path / "out")) == shape_of(peer.config)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_layout_of_the_family_comes_back(shape, source, tmp_path):
    peer = make_opt(tmp_path / "peer", **(SIZES | SHAPES[shape]))
    metaseq_files.save_raw(source, peer, parts=2, shards=5)
    found, _ = converted(source, tmp_path / "out")
    require_equal(found, peer)
    assert shape_of(OptConfig.from_directory(tmp_path / "out")) == shape_of(peer.config)


def test_the_engine_and_transformers_load_it_and_agree(peer, source, tmp_path):
    from transformers import AutoModelForCausalLM

    metaseq_files.save_raw(source, peer, parts=8, shards=3)
    converted(source, tmp_path / "out", max_shard_bytes=20_000)
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
    found, _ = converted(
        source, tmp_path / "out", read=ReadOptions(config=config, assume_order=True)
    )
    require_equal(found, peer)


def test_shards_keep_to_their_size_and_the_manifest_names_every_tensor(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    found, (written, kept) = converted(source, tmp_path / "out", max_shard_bytes=20_000)
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
        converted(tmp_path / form, tmp_path / f"{form}-out")
        manifest = json.loads((tmp_path / f"{form}-out/manifest.json").read_text())
        hashes.append({name: entry["sha256"] for name, entry in manifest["tensors"].items()})
    assert all(each == hashes[0] for each in hashes)


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
    found, (written, kept) = converted(source, out, max_shard_bytes=8192)
    assert kept == 2
    require_equal(found, peer)
    assert converted(source, out, max_shard_bytes=8192)[1] == (0, written + kept)


def test_a_folder_that_holds_something_else_is_left_alone(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="holds no conversion"):
        converted(source, tmp_path / "full")
    converted(source, tmp_path / "out")
    with pytest.raises(CheckpointError, match="shards of another size"):
        converted(source, tmp_path / "out", max_shard_bytes=20_000)
    os.utime(source / "restored.pt", (1, 1))
    with pytest.raises(CheckpointError, match="or the files changed since"):
        converted(source, tmp_path / "out")


def change(path: Path, act):
    """Load a .pt file, let act change what its 'model' holds, and save it."""
    from inference.checkpoints.pickles import Inert, read_pickle

    state = read_pickle(path)
    state["model"] = {name: tensor.clone() for name, tensor in state["model"].items()}
    act(state["model"])
    state["cfg"] = {"model": vars(state["cfg"]["model"])}
    assert not isinstance(state["cfg"]["model"], Inert)
    torch.save(dict(state), path)


def test_all_that_is_wrong_is_named_in_one_error(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)

    def spoil(model):
        del model["decoder.layers.0.fc2.bias"]
        model["decoder.layers.0.extra.weight"] = torch.zeros(2).half()
        model["decoder.layers.1.fc1.weight"] = model["decoder.layers.1.fc1.weight"][:, :-1]
        model["decoder.layers.1.final_layer_norm.bias"] += 0.25

    change(source / "reshard-model_part-1.pt", spoil)
    change(source / "reshard-model_part-0.pt", lambda model: model.pop("decoder.layer_norm.bias"))
    with pytest.raises(WeightMismatch) as caught:
        prepare(source, tmp_path / "out", ConvertOptions())
    text = str(caught.value)
    assert "absent: decoder.layers.0.fc2.bias in part 1" in text
    assert "absent: decoder.layer_norm.bias in part 0" in text
    assert "absent: decoder.layers.0.extra.weight in part 0" in text
    assert "extra: model.decoder.layers.0.extra.weight" in text
    assert "decoder.layers.1.fc1.weight has shapes that don't go together" in text
    assert "final_layer_norm.bias differs between parts, by up to 0.25" in text


def test_copies_may_differ_as_far_as_one_allows(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    change(
        source / "reshard-model_part-1.pt",
        lambda model: model["decoder.layer_norm.bias"].add_(0.25),
    )
    found, _ = converted(source, tmp_path / "out", read=ReadOptions(tolerance=0.5))
    require_equal(found, peer)


def test_a_head_that_is_not_the_embedding_is_not_dropped(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    change(source / "restored.pt", lambda model: model["decoder.output_projection.weight"].neg_())
    with pytest.raises(WeightMismatch, match=r"disagreeing: decoder\.output_projection\.weight"):
        prepare(source, tmp_path / "out", ConvertOptions())


def test_files_that_are_absent_cut_short_or_no_checkpoint_are_named_together(
    peer, source, tmp_path
):
    metaseq_files.save_raw(source, peer, parts=2, shards=3)
    name = "checkpoint_last-model_part-{}-shard{}.pt".format
    (source / name(0, 1)).unlink()
    short = source / name(1, 0)
    short.write_bytes(short.read_bytes()[:-200])
    torch.save([1, 2], source / name(1, 2))
    with pytest.raises(CheckpointError) as caught:
        prepare(source, tmp_path / "out", ConvertOptions())
    assert f"{name(0, 1)} is absent" in str(caught.value)
    assert f"{name(1, 0)} is no zip archive: cut short" in str(caught.value)
    assert f"{name(1, 2)} holds no dictionary" in str(caught.value)


def test_the_last_part_or_shard_is_missed_without_a_gap_in_the_numbers(peer, source, tmp_path):
    metaseq_files.save_raw(source, peer, parts=2, shards=3)
    for path in source.glob("*-shard2.pt"):
        path.unlink()
    with pytest.raises(WeightMismatch, match=r"flat_param_0 holds .* numbers in 2 shards"):
        prepare(source, tmp_path / "out", ConvertOptions())
    for path in source.glob("*part-1*"):
        path.unlink()
    (source / "checkpoint_last-model_part-0-shard1.pt").unlink()
    parts = tmp_path / "parts"
    parts.mkdir()
    metaseq_files.save_parts(parts, peer, parts=4)
    (parts / "reshard-model_part-3.pt").unlink()
    with pytest.raises(CheckpointError, match="saved in 4 model-parallel parts, and 3 are here"):
        prepare(parts, tmp_path / "out", ConvertOptions())


def test_damaged_bytes_are_found_before_anything_is_written(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    path = source / "reshard-model_part-1.pt"
    data = bytearray(path.read_bytes())
    weight = metaseq_files.weights_of(peer)["model.decoder.layers.0.fc1.bias"].chunk(2)[1]
    data[data.index(weight.numpy().tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"reshard-model_part-1\.pt: .*data/\d+"):
        converted(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Harm:
    """Unpickled as anything else would be, it copies a file."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return shutil.copyfile, (str(self.folder / "restored.pt"), str(self.folder / "harm"))


def test_a_pickle_runs_nothing_not_even_when_it_is_let_through(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    path = source / "restored.pt"
    torch.save(torch.load(path, weights_only=False) | {"extra_state": Harm(source)}, path)
    with pytest.raises(CheckpointError, match=r"no need of: shutil\.copyfile"):
        prepare(source, tmp_path / "out", ConvertOptions())
    found, _ = converted(source, tmp_path / "out", read=ReadOptions(inert=("shutil.copyfile",)))
    require_equal(found, peer)
    assert not (source / "harm").exists()


def test_licences_go_along_and_a_tokenizer_is_made_of_metaseqs_files(source, tmp_path, trained):
    metaseq_files.save_singleton(source, make_opt(tmp_path / "peer", vocab_size=512))
    (source / "LICENSE.md").write_text("the terms")
    model = json.loads((trained / "tokenizer.json").read_text())["model"]
    (source / "gpt2-vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (source / "gpt2-merges.txt").write_text("#version: 0.2\n" + merges)
    converted(source, tmp_path / "out")
    assert (tmp_path / "out/LICENSE.md").read_text() == "the terms"
    made, wanted = (Tokenizer.from_directory(folder) for folder in (tmp_path / "out", trained))
    assert made.encode("import os\n</s>") == wanted.encode("import os\n</s>")


def test_one_of_two_checkpoints_in_a_folder_is_told_by_a_file(peer, source, tmp_path):
    metaseq_files.save_parts(source, peer, parts=2)
    metaseq_files.save_singleton(source, peer)
    with pytest.raises(CheckpointError, match="holds 2 checkpoints; give one of the files"):
        prepare(source, tmp_path / "out", ConvertOptions())
    found, _ = converted(source / "restored.pt", tmp_path / "out")
    require_equal(found, peer)


def test_a_dtype_may_be_asked_for(peer, source, tmp_path):
    metaseq_files.save_singleton(source, peer)
    found, _ = converted(source, tmp_path / "out", dtype=torch.float32)
    assert torch.equal(found[EMBEDDING], metaseq_files.weights_of(peer)[EMBEDDING].float())


def test_the_command_tells_writes_nothing_when_dry_and_shows_a_bar(peer, source, tmp_path, capsys):
    metaseq_files.save_raw(source, peer, parts=2, shards=2)
    asked = ["convert", str(source), str(tmp_path / "out")]
    assert main([*asked, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["form"], told["source_files"], told["tensors"]) == ("raw", 4, 36)
    assert not (tmp_path / "out").exists()
    assert main(asked) == 0
    captured = capsys.readouterr()
    assert "1 shards written; 0 lay there and are right" in captured.out
    assert "checked: 100%" in captured.err
    assert "written: 100%" in captured.err
    assert main(["convert", str(tmp_path / "out"), str(tmp_path / "new")]) == 0
    assert "transformers, safetensors" in capsys.readouterr().out
