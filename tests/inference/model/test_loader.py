import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import Engine
from inference.config import OptConfig
from inference.errors import CheckpointError, ConfigError, WeightMismatch
from inference.model import linear, loader
from inference.model.export import split_weights
from inference.model.layout import Layout, split_dim
from inference.model.loader import EMBEDDING, load_model
from inference.model.manifest import Manifest, sha256_of
from tests.inference.tiny_opts import make_opt


def load_plain(directory):
    config = OptConfig.from_directory(directory)
    return load_model(directory, config, "float32", "cpu", packed=False)


@pytest.fixture
def stored(plain_opt, tmp_path):
    """Copy a checkpoint; return its tensors and a function that stores and loads others instead."""
    shutil.copytree(plain_opt[0], tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("lm_head.weight", None)

    def load(changed):
        save_file(changed, tmp_path / "model.safetensors", metadata={"format": "pt"})
        return load_plain(tmp_path)

    return tensors, load


def test_every_weight_is_loaded(stored):
    tensors, load = stored
    weights = load(tensors).weights()
    assert set(weights) == set(tensors)
    assert all(torch.equal(weights[name], tensors[name]) for name in tensors)


def test_each_absent_weight_is_named(stored):
    tensors, load = stored
    for name in tensors:
        with pytest.raises(WeightMismatch) as caught:
            load({kept_name: tensors[kept_name] for kept_name in tensors if kept_name != name})
        assert (caught.value.absent, caught.value.extra) == ([name], [])
        assert name in str(caught.value)


def test_each_misshapen_weight_is_named(stored):
    tensors, load = stored
    for name, tensor in tensors.items():
        with pytest.raises(WeightMismatch) as caught:
            load(tensors | {name: tensor[:-1].clone()})
        [sentence] = caught.value.misshapen
        assert sentence.startswith(name)


def test_extra_and_integer_weights_are_named_together(stored):
    tensors, load = stored
    bias = "model.decoder.final_layer_norm.bias"
    wrong = tensors | {"model.decoder.layers.2.fc1.bias": torch.zeros(64)}
    wrong[bias] = torch.zeros(32, dtype=torch.int64)
    with pytest.raises(WeightMismatch) as caught:
        load(wrong)
    assert caught.value.extra == ["model.decoder.layers.2.fc1.bias"]
    assert caught.value.misshapen == [f"{bias} has dtype I64, not F64 or F32 or F16 or BF16"]


def test_what_ranks_pack_is_each_matrix_once(plain_opt, monkeypatch):
    packed = []

    def counting(device, dtype):
        def make(weight, bias):
            packed.append(tuple(weight.shape))
            return make_kernel(weight, bias)

        make_kernel = linear.packed_kernel
        return make

    monkeypatch.setattr(loader, "kernel_maker", counting)
    config = OptConfig.from_directory(plain_opt[0])
    load_model(plain_opt[0], config, "float32", "cpu")
    alone = sorted(packed)
    packed.clear()
    for rank in (0, 1):
        load_model(plain_opt[0], config, "float32", "cpu", Layout(1, 2, rank))
    assert sorted(packed) == alone


def test_names_of_early_conversions_are_known(stored):
    tensors, load = stored
    load({name.removeprefix("model."): tensor for name, tensor in tensors.items()})


def test_a_tied_head_may_be_stored_if_it_is_the_embedding(stored):
    tensors, load = stored
    head = tensors[EMBEDDING].clone()
    load(tensors | {"lm_head.weight": head})
    with pytest.raises(WeightMismatch, match="differs from the embedding"):
        load(tensors | {"lm_head.weight": head + 1})


def shard(directory, tensors):
    (directory / "model.safetensors").unlink()
    where = {}
    for number, names in enumerate(split_weights(tensors, 3, 10**9)):
        save_file({name: tensors[name] for name in names}, directory / f"{number}.safetensors")
        where |= dict.fromkeys(names, f"{number}.safetensors")
    write_index(directory, where)
    return where


def write_index(directory, where):
    path = directory / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": where}))


def test_shards_are_the_whole(stored, tmp_path, plain_opt):
    shard(tmp_path, stored[0])
    ours, theirs = (load_plain(folder).weights() for folder in (tmp_path, plain_opt[0]))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_an_index_that_disagrees_with_its_shards_is_refused(stored, tmp_path):
    where = shard(tmp_path, stored[0])
    name = next(iter(where))
    write_index(tmp_path, where | {name: "2.safetensors"})
    with pytest.raises(WeightMismatch, match=r"promised in 2\.safetensors"):
        Engine(tmp_path)


@pytest.mark.parametrize("name", ["../x.safetensors", "9.safetensors"])
def test_an_index_that_points_elsewhere_is_refused(stored, tmp_path, name):
    where = shard(tmp_path, stored[0])
    write_index(tmp_path, where | {next(iter(where)): name})
    with pytest.raises(CheckpointError, match=r"beside the index|no 9\.safetensors"):
        Engine(tmp_path)


def test_a_truncated_file_is_damaged(stored, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is damaged"):
        Engine(tmp_path)


def test_weights_are_checked_before_lengths(stored, tmp_path):
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        Engine(tmp_path, max_model_len=10**6)


def test_a_length_over_the_models_is_refused(plain_opt):
    with pytest.raises(ValueError, match="from 1 to the model's 96"):
        Engine(plain_opt[0], max_model_len=97)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "gpt2"}, "runs OPTForCausalLM"),
        ({"architectures": ["OPTForSequenceClassification"]}, "runs OPTForCausalLM"),
        ({"hidden_size": None}, "hidden_size must be an integer of 1 or more, not None"),
        ({"num_attention_heads": 5}, "not a multiple"),
        ({"activation_function": "prelu"}, "prelu"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings"),
        ({"enable_bias": "yes"}, "enable_bias"),
        ({"ffn_dim": True}, "ffn_dim"),
    ],
)
def test_a_config_that_is_not_ours_is_refused(plain_opt, change, reason):
    data = json.loads((plain_opt[0] / "config.json").read_text())
    with pytest.raises(ConfigError, match=reason):
        OptConfig.from_dict(data | change)


def test_a_missing_key_is_named(plain_opt):
    data = json.loads((plain_opt[0] / "config.json").read_text())
    del data["ffn_dim"]
    with pytest.raises(ConfigError, match=r"config\.json lacks ffn_dim"):
        OptConfig.from_dict(data)


def test_split_weights_keeps_the_limits():
    sizes = {"a": 10, "b": 1, "c": 1, "d": 30, "e": 2, "f": 2}
    weights = {name: torch.zeros(size) for name, size in sizes.items()}
    for shards in range(1, 7):
        pieces = split_weights(weights, shards, 10**6)
        assert len(pieces) == shards
        assert [name for piece in pieces for name in piece] == list(weights)
    assert all(
        sum(weights[name].nbytes for name in piece) <= 120
        for piece in split_weights(weights, 1, 120)
    )
    with pytest.raises(ValueError, match="over 100 bytes"):
        split_weights(weights, 1, 100)


def test_several_damaged_shards_are_named_at_once_and_their_weights_are_not(stored, tmp_path):
    shard(tmp_path, stored[0])
    (tmp_path / "0.safetensors").unlink()
    path = tmp_path / "2.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightMismatch) as caught:
        load_plain(tmp_path)
    missing, cut = caught.value.damaged
    assert "no 0.safetensors in" in missing
    assert "2.safetensors is damaged" in cut
    assert (caught.value.absent, caught.value.extra) == ([], [])


def write_bins(directory, tensors, **options):
    for path in directory.glob("*.safetensors"):
        path.unlink()
    names = sorted(tensors)
    parts = {"pytorch_model-1.bin": names[::2], "pytorch_model-2.bin": names[1::2]}
    for file, own in parts.items():
        torch.save({name: tensors[name] for name in own}, directory / file, **options)
    where = {name: file for file, own in parts.items() for name in own}
    path = directory / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"weight_map": where}))


@pytest.mark.parametrize("zipped", [True, False])
def test_bin_shards_are_the_whole(stored, tmp_path, zipped):
    tensors, _ = stored
    write_bins(tmp_path, tensors, _use_new_zipfile_serialization=zipped)
    weights = load_plain(tmp_path).weights()
    assert all(torch.equal(weights[name], tensors[name]) for name in tensors)


def test_a_single_bin_is_read_and_its_faults_named(stored, tmp_path):
    tensors, _ = stored
    (tmp_path / "model.safetensors").unlink()
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    load_plain(tmp_path)
    bias = "model.decoder.final_layer_norm.bias"
    torch.save(
        {**tensors, bias: torch.zeros(32, dtype=torch.int64)}, tmp_path / "pytorch_model.bin"
    )
    with pytest.raises(WeightMismatch, match=r"has dtype torch\.int64, not F64"):
        load_plain(tmp_path)


class Malicious:
    def __reduce__(self):
        return exit, (1,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": Malicious()}, "holds an object of the class _sitebuiltins"),
        (["no", "mapping"], "holds no tensors by name"),
        ({"a": 3}, "'a' is a int"),
        ({"model": {"a": torch.ones(1)}}, "'model' is a dict"),
    ],
)
def test_a_bin_that_holds_more_than_weights_is_refused(stored, tmp_path, content, said):
    (tmp_path / "model.safetensors").unlink()
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=said):
        load_plain(tmp_path)


@pytest.mark.parametrize(("tensor", "stages"), [(2, 1), (4, 1), (1, 2), (2, 2)])
def test_ranks_hold_every_weight_once_between_them(tmp_path, tensor, stages):
    make_opt(tmp_path, vocab_size=100)
    config = OptConfig.from_directory(tmp_path)
    whole = load_plain(tmp_path).weights()
    parts = {}
    for rank in range(tensor * stages):
        layout = Layout(tensor, stages, rank)
        model = load_model(tmp_path, config, "float32", "cpu", layout, packed=False)
        for name, part in model.weights().items():
            parts.setdefault(name, []).append(part)
    for name, weight in whole.items():
        dim, shards = split_dim(name), parts[name]
        if name == EMBEDDING and stages > 1:  # the first stage's and, as the head, the last's
            assert torch.equal(torch.cat(shards[tensor:]), weight)
            shards = shards[:tensor]
        if dim is not None:
            assert torch.equal(torch.cat(shards, dim), weight)
        else:
            once = name.endswith(("out_proj.bias", "fc2.bias"))
            assert len(shards) == (1 if once else tensor)
            assert all(torch.equal(part, weight) for part in shards)


def test_each_tensor_that_is_not_what_was_converted_is_named_by_some_rank(tmp_path):
    make_opt(tmp_path, vocab_size=100)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("lm_head.weight", None)
    noted = {
        name: {"file": "model.safetensors", "sha256": sha256_of(tensor)}
        for name, tensor in tensors.items()
    }
    Manifest({}, noted).save(tmp_path)
    load_plain(tmp_path)
    changed = ["model.decoder.layers.0.fc1.bias", "model.decoder.layers.1.fc2.weight"]
    for name in changed:
        tensors[name][0] += 1
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config, found = OptConfig.from_directory(tmp_path), []
    for rank in range(2):
        with pytest.raises(WeightMismatch) as caught:
            load_model(tmp_path, config, "float32", "cpu", Layout(2, 1, rank))
        found += caught.value.damaged
    assert sorted(found) == [
        f"{name} in model.safetensors: its SHA-256 is not manifest.json's" for name in changed
    ]
    with pytest.raises(WeightMismatch, match=r"fc1\.bias in model(.|\n)*fc2\.weight in model"):
        load_plain(tmp_path)
