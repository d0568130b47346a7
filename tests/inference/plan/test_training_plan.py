"""Plan trainings: OPT-175B's own figures, and refusals that say what would do."""

import json
from dataclasses import replace

import pytest

from inference.__main__ import main
from inference.plan.energy import EnergyInputs
from inference.plan.gpus import Machine, named_gpu
from inference.plan.shapes import OPT_NAMES, named_shape
from inference.plan.training import TrainingJob, plan_training
from inference.training.recipe import recipe


def job(name, **changes):
    settings = recipe(name, {})
    made = TrainingJob(
        named_shape(name), settings.sequence_length, settings.batch, settings.steps, settings.dtype
    )
    return replace(made, **changes)


def planned(name, gpus, tensor=1, gpu="a100-80", reached=0.47, **changes):
    machine = Machine(gpus, named_gpu(gpu), tensor_parallel_size=tensor)
    inputs = EnergyInputs(watts_per_device=400)
    return plan_training(
        job(name, **changes), machine, inputs=inputs, reached_share=reached, price_per_gpu_hour=2.0
    )


def test_opt_175b_is_planned_near_what_it_took():
    """The paper has 4.30e23 operations, 34 days on 992 GPUs undisturbed; LLaMA's has 137 t."""
    length = {"batch": 992, "steps": 147_666}  # 300 billion tokens
    made = planned("opt-175b", 992, tensor=8, micro_batch=2, recompute=True, **length)
    assert made.fits
    assert (made.data_ranks, made.tensor_ranks) == (124, 8)
    assert made.operations == pytest.approx(4.30e23, rel=0.01)
    assert made.hours / 24 == pytest.approx(34.1, rel=0.02)
    assert made.energy.kg_co2e / 1000 == pytest.approx(137.1, rel=0.02)
    assert made.cost == pytest.approx(made.gpu_hours * 2)


def test_memory_is_what_ranks_share_and_what_they_do_not():
    one, eight = planned("opt-1.3b", 1, micro_batch=1), planned("opt-1.3b", 8, micro_batch=1)
    assert one.memory.state_bytes == 16 * one.parameters
    assert eight.memory.state_bytes == 2 * one.parameters
    assert one.memory.activation_bytes == eight.memory.activation_bytes
    less = planned("opt-1.3b", 8, micro_batch=1, recompute=True)
    assert less.memory.activation_bytes < eight.memory.activation_bytes / 5
    assert less.operations == pytest.approx(eight.operations * 4 / 3)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"gpus": 8}, "too few: give a smaller --micro-batch, --recompute, more GPUs"),
        ({"gpus": 10, "tensor": 4}, "4 tensor ranks don't divide 10 GPUs"),
        ({"gpus": 7, "tensor": 7}, "7 tensor ranks don't divide 96 heads"),
        ({"gpus": 3}, "3 data ranks don't divide a batch of 1024 sequences"),
        ({"gpus": 64, "gpu": "v100-32", "dtype": "bfloat16"}, "v100-32 has no bfloat16"),
    ],
)
def test_what_cannot_run_is_refused_with_what_would_do(arguments, reason):
    made = planned("opt-175b", **arguments)
    assert not made.fits
    assert any(reason in sentence for sentence in made.reasons)


def test_the_recipes_are_the_papers():
    """Table 1: batches of half a million to four million tokens, and rates from 6e-4 to 8e-5."""
    batches = {name: recipe(name, {}).batch_tokens / 2**19 for name in OPT_NAMES}
    assert list(batches.values()) == [1, 1, 2, 2, 4, 8, 8, 4, 4]
    largest, small = recipe("opt-175b", {}), recipe("opt-125m", {})
    assert (largest.learning_rate, largest.warmup_steps, largest.steps) == (1.2e-4, 2000, 143_051)
    assert (small.learning_rate, small.warmup_steps) == (6e-4, 375_000_000 // 2**19)
    assert (small.dropout, small.init_std, small.weight_decay, small.clip_norm) == (
        0.1,
        6e-3,
        0.1,
        1,
    )
    assert small.rate_at(small.steps - 1) == pytest.approx(6e-5, rel=1e-3)
    assert not recipe("opt-350m", {}).pre_norm


def test_values_of_ones_own_take_the_recipes_place():
    settings = recipe("opt-125m", {"hidden_size": 64, "heads": 4, "batch": 4, "steps": 50})
    assert (settings.ffn_dim, settings.word_embed_proj_dim, settings.layers) == (256, 64, 12)
    assert settings.warmup_steps == 5  # a tenth of a short run
    assert recipe("opt-125m", {"tokens": 2**30}).steps == 2**11


def test_the_command_plans_and_trains_nothing(capsys, tmp_path):
    command = ["train", "--preset", "opt-125m", "--dry-run", "--json", "--gpus", "8"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["data_ranks"] == 8
    assert main(["train", "--preset", "opt-175b", "--dry-run", "--gpus", "8"]) == 1
    assert "are usable" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main(["train", "--preset", "demo", "--dry-run"]) == 2
    assert "--dry-run plans a recipe" in capsys.readouterr().err
    assert main(["train", "--preset", "opt-125m", "--out", str(tmp_path)]) == 2
    assert "a recipe needs --data" in capsys.readouterr().err
