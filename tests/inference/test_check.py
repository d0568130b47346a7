"""``python -m inference check``: a checkpoint is tried before anybody relies on it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.__main__ import main
from tests.factories.jobs import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("check") / "model")


@pytest.fixture
def changed(model, tmp_path):
    """The model with one tensor of its first shard changed by the given function."""

    def change(how):
        for path in model.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        shard = next(tmp_path.glob("*-00001-of-*.safetensors"))
        tensors = load_file(shard)
        name = sorted(tensors)[0]
        tensors[name] = how(tensors[name])
        save_file(tensors, shard)
        return name, tmp_path

    return change


def test_a_sound_one_loads_and_generates(model, capsys):
    assert main(["check", str(model), "--json", "--max-tokens", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["token_ids"]) == 4
    assert (found["not_loaded"], found["tensors"] > 10) == ("", True)
    assert main(["check", str(model)]) == 0
    assert "all finite; generated" in capsys.readouterr().out


def test_one_number_that_is_none_is_found(changed, capsys):
    def spoil(tensor):
        tensor.view(-1)[-1] = float("inf")
        return tensor

    name, folder = changed(spoil)
    assert main(["check", str(folder)]) == 2
    assert f"{name} in model-00001" in capsys.readouterr().err


def test_finite_weights_that_overflow_are_found(changed, capsys):
    _, folder = changed(lambda tensor: torch.full_like(tensor, 3e38))
    assert main(["check", str(folder)]) == 2
    assert "is no number" in capsys.readouterr().err


def test_another_architecture_is_only_read(changed, capsys):
    _, folder = changed(lambda tensor: tensor.to(torch.float8_e4m3fn))
    (folder / "config.json").write_text('{"model_type": "other"}')
    assert main(["check", str(folder)]) == 0
    assert "The engine did not load them" in capsys.readouterr().out


def test_a_broken_opt_is_not_taken_for_another_architecture(changed, capsys):
    _, folder = changed(lambda tensor: tensor)
    (folder / "config.json").write_text('{"model_type": "opt"}')
    assert main(["check", str(folder)]) == 2
    assert "lacks vocab_size" in capsys.readouterr().err
