"""The weights of the family's folders, under the names and in the files that others write."""

import pickle
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model

from inference import Engine, SamplingParams
from inference.__main__ import main
from inference.checkpoints.sources.forms import find_form
from inference.checkpoints.sources.source import ReadOptions, open_source
from inference.config import OptConfig
from inference.errors import CheckpointError, InferenceError, WeightMismatch
from inference.model.layout import Layout
from inference.model.loader import EMBEDDING, load_model
from inference.model.manifest import Manifest, sha256_of
from tests.inference.tiny_opts import greedy_reference, tokens_of

PROMPT = [2, 50, 7]
HEAD = "lm_head.weight"


@pytest.fixture
def folder(plain_opt, tmp_path):
    """Copy a folder without its weights; return it and these."""
    shutil.copytree(plain_opt[0], tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    tensors.pop(HEAD, None)
    return tmp_path, tensors


def greedy(directory, **options):
    with Engine(directory, **options) as engine:
        return tokens_of(
            engine.generate([PROMPT], SamplingParams(max_tokens=12, temperature=0, ignore_eos=True))
        )


def save(tensors, path):
    if path.suffix == ".safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)


def renamed(tensors, rename):
    return {rename(name): tensor for name, tensor in tensors.items()}


def head_alone(tensors):
    return renamed(tensors, lambda name: HEAD if name == EMBEDDING else name)


NAMES = {
    "the head alone": head_alone,
    "head and embedding": lambda tensors: tensors | {HEAD: tensors[EMBEDDING].clone()},
    "without model.": lambda tensors: renamed(tensors, lambda n: n.removeprefix("model.")),
    "without model., the head alone": lambda tensors: renamed(
        head_alone(tensors), lambda name: name.removeprefix("model.")
    ),
    "model. twice": lambda tensors: renamed(head_alone(tensors), lambda name: f"model.{name}"),
    "leftovers": lambda tensors: tensors | {
        "model.decoder.version": torch.tensor([3.0]),
        "decoder.embed_positions._float_tensor": torch.zeros(1),
        "model.decoder.embed_positions.position_ids": torch.arange(5),
    },
}  # fmt: skip


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("names", NAMES)
def test_names_that_others_write_are_known(folder, plain_opt, names, file):
    directory, tensors = folder
    save(NAMES[names](tensors), directory / file)
    from transformers import OPTForCausalLM

    _, loading = OPTForCausalLM.from_pretrained(directory, output_loading_info=True)
    assert not loading["missing_keys"]

    assert greedy(directory) == [greedy_reference(plain_opt[1], PROMPT, 12)]


def test_the_file_of_save_model_loads(folder, plain_opt):
    directory, _ = folder
    save_model(plain_opt[1], str(directory / "model.safetensors"), metadata={"format": "pt"})
    assert EMBEDDING not in load_file(directory / "model.safetensors")
    assert greedy(directory) == [greedy_reference(plain_opt[1], PROMPT, 12)]


def test_ranks_slice_a_lone_head(folder):
    directory, tensors = folder
    save(head_alone(tensors), directory / "model.safetensors")
    config = OptConfig.from_directory(directory)
    parts = [
        load_model(
            directory, config, "float32", "cpu", Layout(2, 1, rank), lambda part: part, packed=False
        ).weights()[EMBEDDING]
        for rank in range(2)
    ]
    assert torch.equal(torch.cat(parts), tensors[EMBEDDING])


def test_a_manifest_holds_a_lone_head_to_its_hash(folder):
    directory, tensors = folder
    save(head_alone(tensors), directory / "model.safetensors")
    noted = {HEAD: {"sha256": sha256_of(tensors[EMBEDDING])}}
    Manifest({}, noted).save(directory)
    Engine(directory).close()
    noted[HEAD]["sha256"] = "0" * 64
    Manifest({}, noted).save(directory)
    with pytest.raises(WeightMismatch, match=rf"{HEAD} in model\.safetensors: its SHA-256"):
        Engine(directory)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_another_head_than_the_embedding_is_refused_by_the_files_own_name(folder, file):
    directory, tensors = folder
    save(tensors | {HEAD: tensors[EMBEDDING] + 1}, directory / file)
    with pytest.raises(WeightMismatch, match=rf"{HEAD} differs from the embedding"):
        Engine(directory)


@pytest.mark.parametrize(
    "files",
    [
        ("model.safetensors", "pytorch_model.bin"),
        ("model.safetensors", "model.safetensors.index.json"),
        ("model.safetensors.index.json", "pytorch_model.bin"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ],
)
def test_of_several_checkpoints_the_one_that_transformers_takes_is_taken(folder, plain_opt, files):
    from transformers import OPTForCausalLM

    directory, tensors = folder
    other_tensors = {name: tensor.flip(0).contiguous() for name, tensor in tensors.items()}
    for file, stored in zip(files, (tensors, other_tensors), strict=True):
        if file.endswith(".index.json"):
            suffix = ".bin" if ".bin." in file else ".safetensors"
            save(stored, directory / f"shard{suffix}")
            where = ", ".join(f'"{name}": "shard{suffix}"' for name in stored)
            (directory / file).write_text(f'{{"metadata": {{}}, "weight_map": {{{where}}}}}')
        else:
            save(stored, directory / file)
    peer = OPTForCausalLM.from_pretrained(directory).eval()

    assert greedy(directory) == [greedy_reference(peer, PROMPT, 12)]
    assert greedy(directory) == [greedy_reference(plain_opt[1], PROMPT, 12)]


@pytest.mark.parametrize(
    "file", ["model.fp16.safetensors", "weights.safetensors", "opt.gguf", "flax_model.msgpack"]
)
def test_weights_under_another_name_are_named(folder, file):
    directory, tensors = folder
    save(tensors, directory / file)
    with pytest.raises(CheckpointError, match=rf"no model\.safetensors .*{file} can't be loaded"):
        Engine(directory)


def test_a_distributed_checkpoint_is_not_passed_over(folder):
    directory, tensors = folder
    save(tensors, directory / "model.safetensors")
    save(tensors, directory / "shard-00000-model-00001-of-00001.safetensors")
    with pytest.raises(CheckpointError, match="distributed checkpoint"):
        Engine(directory)


@pytest.mark.parametrize(
    ("rename", "said"),
    [
        (lambda name: f"base_model.model.{name}", "an adapter .*merge_and_unload"),
        (lambda name: name.replace("q_proj.", "q_proj.base_layer."), "an adapter"),
        (lambda name: name.replace("q_proj.bias", "q_proj.lora_A.default.weight"), "an adapter"),
        (lambda name: name.replace("fc1.weight", "fc1.qweight"), "quantized .*dequantize"),
        (lambda name: name.replace("fc1.bias", "fc1.SCB"), "quantized matrices"),
        (lambda name: f"module.{name}", "a wrapper .*save the model inside it"),
        (lambda name: f"_orig_mod.{name}", "a wrapper around the model"),
    ],
)
def test_names_that_tell_who_wrote_them_are_refused_with_the_remedy(folder, rename, said):
    directory, tensors = folder
    save(renamed(tensors, rename), directory / "model.safetensors")
    with pytest.raises(CheckpointError, match=said):
        Engine(directory)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("command", ["generate", "check", "convert", "inspect"])
def test_each_command_says_it_of_each_form(folder, capsys, name, command):
    directory, tensors = folder
    save(renamed(tensors, lambda name: f"base_model.model.{name}"), directory / name)
    command_lines = {
        "generate": ["x", "--model", str(directory)],
        "convert": [str(directory), str(directory.parent / "out"), "--dry-run"],
    }
    assert main([command, *command_lines.get(command, [str(directory)])]) == 2 - (
        command == "inspect"
    )
    printed = "\n".join(capsys.readouterr())
    assert re.search(rf"{name} holds the weights of an adapter .*merge_and_unload", printed)
    assert "absent" not in printed


class Model(torch.nn.Module):
    """A class of somebody's own, whole in a pickle."""


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


def page(path):
    path.write_text("\ufeff\n <!DOCTYPE html>\n<html><body>Sign in</body></html>")


def cut(path):
    save({"a": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:1000])


def cut_of_old(path):
    torch.save({"a": torch.ones(1000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:1000])


def whole_model(path):
    torch.save(Model(), path)


def whole_model_of_old(path):
    torch.save(Model(), path, _use_new_zipfile_serialization=False)


def plain_pickle(path):
    path.write_bytes(pickle.dumps({"a": 1}))


UNREADABLE = [
    (pointer, "is a Git LFS pointer, not weights: fetch it again"),
    (page, "is a web page, not weights: fetch it again"),
    (cut, r"is damaged, or cut short \(.+\): fetch it again"),
    (lambda path: path.write_bytes(b""), "is empty, not weights: fetch it again"),
    (lambda path: path.write_bytes(bytes(99)), r"is damaged, or cut short \(.+\): fetch it again"),
]
UNREADABLE_BIN = [
    (cut_of_old, r"is damaged, or cut short \(unexpected EOF.+\): fetch it again"),
    (plain_pickle, "its pickle is none of torch.save's"),
    (whole_model, r"the class tests\.inference\.model\.test_family_weights\.Model, .*state_dict"),
    (
        whole_model_of_old,
        r"the class tests\.inference\.model\.test_family_weights\.Model, .*state_dict",
    ),
]


@pytest.mark.parametrize(
    ("file", "write", "said"),
    [("model.safetensors", *case) for case in UNREADABLE]
    + [("pytorch_model.bin", *case) for case in UNREADABLE + UNREADABLE_BIN],
)
def test_what_lies_in_the_place_of_weights_is_named(folder, file, write, said):
    directory, _ = folder
    write(directory / file)
    with pytest.raises(InferenceError, match=said) as caught:
        Engine(directory)
    assert file in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (pointer, "is a Git LFS pointer, not weights: fetch it again"),
        (page, "is a web page, not weights: fetch it again"),
        (cut, "no zip archive: cut short"),
        (whole_model, r"holds objects .*test_family_weights\.Model"),
    ],
)
def test_what_lies_in_the_place_of_a_pt_file_is_named(tmp_path, write, said):
    write(tmp_path / "reshard.pt")
    with pytest.raises(CheckpointError, match=rf"reshard\.pt.*{said}") as caught:
        open_source(find_form(tmp_path), ReadOptions())
    assert "weights_only" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
