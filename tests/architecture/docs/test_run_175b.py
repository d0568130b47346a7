"""docs/run-175b.md has commands, settings and figures that exist; the journey runs most of them."""

from __future__ import annotations

import math

import pytest
from django.core.management import get_commands, load_command_class
from torch.distributed.run import get_args_parser

from inference.__main__ import _parser as inference_parser
from inference.plan import Machine, named_gpu, named_shape, steps_of
from portal.cli.__main__ import command_parser
from portal.env import REGISTRY
from tests.journeys.runbook import ONE_HOST, TEXT, TWO_HOSTS, all_commands, settings_under

OTHERS = {"cd", "curl", "ray", "rsync", "vllm"}  # their options are others' to keep


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_each_command_has_options_that_exist(words):
    match words:
        case ["python", "-m", "inference", *arguments]:
            assert inference_parser().parse_args(arguments)
        case ["weightgate", "manage", name, *arguments]:
            command = load_command_class(get_commands()[name], name)
            assert command.create_parser("manage.py", name).parse_args(arguments)
        case ["weightgate", *arguments]:
            assert command_parser().parse_args(arguments)
        case ["torchrun", *arguments]:
            options = get_args_parser().parse_args(arguments)
            assert (options.module, options.training_script) == (True, "workers.ranks")
        case [program, *_]:
            assert program in OTHERS


@pytest.mark.parametrize(("heading", "gpus"), [(TWO_HOSTS, 16), (ONE_HOST, 8)])
def test_its_settings_exist_and_name_a_rank_for_each_gpu(heading, gpus):
    own = settings_under(heading)
    assert set(own) <= set(REGISTRY)
    ranks = (own[f"WEIGHTGATE_ENGINE_{kind}_PARALLEL_SIZE"] for kind in ("TENSOR", "PIPELINE"))
    assert math.prod(map(int, ranks)) == gpus


@pytest.mark.parametrize("speed", [1.0, 0.2])
def test_its_times_are_the_planners(speed):
    machines = Machine(16, named_gpu("v100-32"), 8, 2), Machine(8, named_gpu("a100-80"), 8)
    two, one = (
        steps_of(
            named_shape("opt-175b"),
            machine,
            dtype="float16",
            disk_bytes_per_second=speed * 1e9,
            cores=8,
        )
        for machine in machines
    )
    minutes = [f"{step.seconds / 60:.0f} min" for step in [*two, one[-1]]]
    assert f"| {speed:g} GB/s | {' | '.join(minutes)} |" in TEXT
