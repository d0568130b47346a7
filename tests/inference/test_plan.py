import json
import re

import pytest

from inference.__main__ import main
from inference.config import OptConfig
from inference.errors import InferenceError
from inference.plan import (
    NAMES,
    Machine,
    kv_bytes_per_token,
    named_config,
    parameter_count,
    plan,
    weight_bytes,
)

PARAMETERS = [
    125_239_296, 331_196_416, 1_315_758_080, 2_651_596_800, 6_658_473_984, 12_853_473_280,
    29_974_540_288, 65_719_701_504, 174_604_468_224,
]  # fmt: skip


@pytest.mark.parametrize(("name", "count"), list(zip(NAMES, PARAMETERS, strict=True)))
def test_published_shapes_have_their_parameters(name, count):
    assert parameter_count(named_config(name)) == count


def test_counted_parameters_are_the_models(opt):
    directory, peer = opt
    count = parameter_count(OptConfig.from_directory(directory))
    assert count == sum(parameter.numel() for parameter in peer.parameters())


def test_opt_175b_on_sixteen_v100s():
    config = named_config("opt-175b")
    assert weight_bytes(config, "float16") == 349_208_936_448
    assert kv_bytes_per_token(config, "float16") == 4_718_592
    made = plan(config, Machine(16, 32, 8, 2))
    assert made.fits
    assert (made.kv_room_tokens, made.full_sequences) == (25764, 12)


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (Machine(8, 32, 8, 1), "GB more than is usable"),
        (Machine(16, 32, 5, 2), "5 tensor x 2 pipeline ranks are not 16"),
        (Machine(35, 80, 5, 7), "96 .attention heads. is not a multiple of 5"),
        (Machine(35, 80, 5, 7), "96 layers are not a multiple of 7"),
    ],
)
def test_what_does_not_fit_says_why(machine, reason):
    made = plan(named_config("opt-175b"), machine)
    assert not made.fits
    assert any(re.search(reason, sentence) for sentence in made.reasons)


def test_a_cache_under_one_sequence_does_not_fit():
    made = plan(named_config("opt-175b"), Machine(16, 24.5, 8, 2))
    assert made.kv_room_bytes > 0
    assert "fewer than one sequence of 2048" in made.reasons[0]


def test_names_match_exactly():
    with pytest.raises(InferenceError, match="known are opt-125m"):
        named_config("opt-175")


def test_the_command_prints_a_table_or_json(capsys):
    asked = ["plan", "--name", "opt-175b", "--gpus", "16", "--gpu-memory-gib", "32"]
    assert main([*asked, "--dtype", "float16", "--tp", "8", "--pp", "2"]) == 0
    assert "25,764 tokens" in capsys.readouterr().out
    assert main([*asked, "--dtype", "float32", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fits"] is False
