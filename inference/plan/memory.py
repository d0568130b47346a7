"""Divide each GPU's memory into weights, cache and what is kept back. Free of torch."""

from dataclasses import dataclass

from inference.plan.gpus import Machine
from inference.plan.shapes import Shape
from inference.plan.splits import usable_bytes_per_gpu
from inference.plan.stages import ranks_of


@dataclass(frozen=True)
class GpuMemory:
    """The bytes of one GPU. free_bytes: below 0 by what is missing.

    reserved_bytes: held back for the driver's context, exchanges and activations.
    """

    total_bytes: int
    weight_bytes: int
    cache_bytes: int
    reserved_bytes: int

    @property
    def free_bytes(self) -> int:
        """Return what nothing takes, or as a negative number what is missing."""
        return self.total_bytes - self.reserved_bytes - self.weight_bytes - self.cache_bytes


def memory_of_each(
    shape: Shape, machine: Machine, dtype: str, sequences: int
) -> tuple[GpuMemory, ...]:
    """Return the memory of every GPU, by rank, with so many full sequences in the cache.

    The fullest rank's is what a plan's verdict is of. Raises UnknownDtype.
    """
    total = machine.gpu.memory_bytes
    reserved = total - usable_bytes_per_gpu(machine)
    ranks = ranks_of(shape, machine.tensor_parallel_size, machine.pipeline_parallel_size)
    return tuple(
        GpuMemory(
            total,
            rank.weight_bytes(dtype),
            sequences * shape.context * shape.kv_bytes(dtype, rank.layers, rank.kv_heads),
            reserved,
        )
        for rank in ranks
    )
