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
    """Change one tensor of the model's first shard by the given function."""

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
    result = json.loads(capsys.readouterr().out)
    assert len(result["token_ids"]) == 4
    assert (result["not_loaded"], result["tensors"] > 10) == ("", True)
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
    name, folder = changed(lambda tensor: torch.full_like(tensor, 3e38))
    assert main(["check", str(folder)]) == 2
    err = capsys.readouterr().err
    assert "is no number" in err
    assert f"greatest number is 3e+38, in {name} (model-00001-of-00002.safetensors)" in err


@pytest.mark.parametrize(("dtype", "status"), [("float16", 2), ("bfloat16", 0), ("float32", 0)])
def test_a_weight_beyond_the_dtype_is_named(dtype, status, changed, capsys):
    def enlarge(tensor):
        tensor.view(-1)[-1] = 1e6
        return tensor

    name, folder = changed(enlarge)
    assert main(["check", str(folder), "--dtype", dtype]) == status
    err = capsys.readouterr().err
    sentence = (
        f"{name} in model-00001-of-00002.safetensors reaches 1e+06, and float16 ends at 6.55e+04"
    )
    assert (sentence in err) == (status == 2)


def test_more_tokens_than_there_is_room_for_are_told_with_their_most(model, capsys):
    assert main(["check", str(model), "--max-tokens", "50000"]) == 2
    err = capsys.readouterr().err
    most = int(err.split("give ")[1].split()[0])
    assert "--max-tokens is 50000" in err
    assert main(["check", str(model), "--max-tokens", str(most)]) == 0


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


NESTED = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", NESTED),
        ("manifest.json", NESTED),
        ("manifest.json", '{"version": 1, "source": {}, "tensors": []}'),
        ("manifest.json", '{"version": 2, "source": {}, "tensors": {}}'),
        ("manifest.json", '{"version": 1, "source": {}, "tensors": {"a": {"file": 7}}}'),
    ],
)
def test_a_file_that_says_nothing_is_named_in_one_line(model, tmp_path, name, content, capsys):
    for path in model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(content)
    assert main(["check", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert name in line
