"""Plan a model on a machine by inference's planner, with what its page adds: power and energy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from inference.plan import GpuMemory, Machine, Plan, Shape, Split, memory_of_each, plan_best

# Engines reach 50 to 60 % of these rooflines: FasterTransformer 54 %, DeepSpeed 49 % (metaseq's
# docs/faster-transformer.md; Hugging Face's bloom-inference-pytorch-scripts).
REACHED = 0.5


@dataclass(frozen=True)
class Planned:
    """A plan for the best way to spread a model over a machine, with every GPU's memory.

    ``machine``: as it would be used. ``speeds``: of that way, exchanges included; None where
    nothing fits.
    """

    shape: Shape
    machine: Machine
    dtype: str
    plan: Plan
    memory: tuple[GpuMemory, ...]
    speeds: Split | None

    @property
    def is_spread_over_hosts(self) -> bool:
        return self.machine.gpus > self.machine.gpus_per_node

    @property
    def reached(self) -> float:
        """Return the tokens a second that an engine may be expected to make with a full cache."""
        return self.speeds.full * REACHED if self.speeds else 0.0

    def kilowatts(self, pue: float) -> float:
        """Return the power of the GPUs at their limit, with the place's overhead."""
        return self.plan.gpus * (self.machine.gpu.watts or 0) * pue / 1000

    def watt_hours_per_thousand(self, pue: float) -> float | None:
        """Return the energy of 1,000 tokens with a full cache, at what engines reach."""
        if not self.reached:
            return None
        return self.kilowatts(pue) * 1000 / self.reached * 1000 / 3600


@lru_cache(maxsize=512)
def planned(shape: Shape, machine: Machine, dtype: str) -> Planned:
    """Plan for the best way to spread the model; plans are arithmetic, and kept."""
    made = plan_best(shape, machine, dtype)
    spread = made.tensor_parallel_size, made.pipeline_parallel_size
    used = replace(
        machine,
        gpus=made.gpus,
        tensor_parallel_size=spread[0],
        pipeline_parallel_size=spread[1],
    )
    sequences = made.full_sequences if made.fits else 0
    ways = {(way.tensor_parallel_size, way.pipeline_parallel_size): way for way in made.splits}
    speeds = ways.get(spread) if made.fits else None
    return Planned(shape, used, dtype, made, memory_of_each(shape, used, dtype, sequences), speeds)
