"""Name all faults of metaseq's files at once, before anything is written."""

import shutil
from pathlib import Path

import pytest
import torch

from inference.checkpoints.convert import ConvertOptions, prepare
from inference.checkpoints.sources.source import ReadOptions
from inference.errors import CheckpointError, WeightMismatch
from tests.inference import metaseq_files
from tests.inference.conversions import convert_folder, require_equal


def change(path: Path, act):
    """Load a .pt file, let act change what its 'model' holds, and save it."""
    from inference.checkpoints.sources.pickles import Inert, read_pickle

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
    found, _ = convert_folder(source, tmp_path / "out", read=ReadOptions(tolerance=0.5))
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
        convert_folder(source, tmp_path / "out")
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
    found, _ = convert_folder(
        source, tmp_path / "out", read=ReadOptions(inert=("shutil.copyfile",))
    )
    require_equal(found, peer)
    assert not (source / "harm").exists()
