"""Each GPU's memory adds up, and the fullest is the one that a plan's verdict is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.plan import GPUS, NAMES, Machine, memory_of_each, named_gpu, named_shape, plan


@pytest.mark.parametrize(
    ("name", "gpu", "spread"),
    [
        ("opt-175b", "v100-32", (16, 1)),
        ("opt-175b", "v100-32", (8, 2)),
        ("opt-30b", "a100-40", (3, 1)),
        ("opt-175b", "a100-80", (1, 5)),
        ("palm-540b", "h200-141", (16, 1)),
    ],
)
def test_the_fullest_gpu_is_the_verdicts(name, gpu, spread):
    shape = named_shape(name)
    machine = Machine(spread[0] * spread[1], named_gpu(gpu), *spread)
    made = plan(shape, machine)
    memory = memory_of_each(shape, machine, "float16", made.full_sequences)
    assert len(memory) == machine.gpus
    assert max(gpu.weight_bytes for gpu in memory) == made.weight_bytes_per_gpu
    assert min(gpu.free_bytes for gpu in memory) >= 0
    one_more = memory_of_each(shape, machine, "float16", made.full_sequences + 1)
    assert min(gpu.free_bytes for gpu in one_more) < 0


@given(st.sampled_from(NAMES), st.sampled_from(list(GPUS)), st.integers(1, 40), st.integers(0, 9))
def test_parts_add_up_to_the_whole(name, gpu, gpus, sequences):
    machine = Machine(gpus, named_gpu(gpu), gpus, 1)
    for each in memory_of_each(named_shape(name), machine, "int8", sequences):
        parts = each.weight_bytes + each.cache_bytes + each.reserved_bytes + each.free_bytes
        assert parts == each.total_bytes == GPUS[gpu].memory_bytes


def test_every_named_gpu_has_its_makers_limit_of_power():
    assert {gpu.name for gpu in GPUS.values() if not gpu.watts} == set()
