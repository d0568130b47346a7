"""Describe GPUs and machines of several. Free of torch.

Figures are the makers' for SXM parts, dense (NVIDIA's Hopper sheets print fp16 with sparsity,
twice as much). Nothing here was measured.
"""

import math
from dataclasses import dataclass

from inference.errors import InferenceError

GIB = 2**30


@dataclass(frozen=True)
class Rates:
    """The speeds of a GPU.

    memory, link: bytes per second, to the GPU's own memory and, one way, to others of its node.
    arithmetic: fp16 operations per second.
    """

    memory: float
    arithmetic: float
    link: float


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU. rates: None where only the memory is known; then speeds aren't estimated.

    watts: the most that the maker lets it take (TDP); None where it isn't known.
    """

    name: str
    memory_bytes: int
    rates: Rates | None = None
    has_bfloat16: bool = True
    watts: float | None = None


_V100 = Rates(0.9e12, 125e12, 150e9)
_HOPPER = 989.5e12
GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("v100-16", 16 * GIB, _V100, has_bfloat16=False, watts=300),
        Gpu("v100-32", 32 * GIB, _V100, has_bfloat16=False, watts=300),
        Gpu("a100-40", 40 * GIB, Rates(1.555e12, 312e12, 300e9), watts=400),
        Gpu("a100-80", 80 * GIB, Rates(2.039e12, 312e12, 300e9), watts=400),
        Gpu("h100-80", 80 * GIB, Rates(3.35e12, _HOPPER, 450e9), watts=700),
        Gpu("h200-141", 141_000_000_000, Rates(4.8e12, _HOPPER, 450e9), watts=700),
    )
}


@dataclass(frozen=True)
class Links:
    """The cost of one exchange between ranks, beside its bytes. These are assumptions.

    node_seconds, network_seconds: one all-reduce or hop within a node and over several.
    network: bytes per second between nodes (12.5e9 is 100 Gbit/s).
    """

    node_seconds: float = 15e-6
    network_seconds: float = 45e-6
    network: float = 12.5e9


@dataclass(frozen=True)
class Machine:
    """Equal GPUs in nodes of gpus_per_node; the model is spread over tensor * pipeline ranks."""

    gpus: int
    gpu: Gpu
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    gpus_per_node: int = 8
    links: Links = Links()

    def __post_init__(self) -> None:
        if self.gpus < 1 or self.gpus_per_node < 1 or self.gpu.memory_bytes <= 0:
            raise InferenceError("give at least one GPU, with some memory")
        if self.tensor_parallel_size < 1 or self.pipeline_parallel_size < 1:
            raise InferenceError("tensor and pipeline ranks must be 1 or more")


def gpu_of_memory(gib: float) -> Gpu:
    """Make a GPU of which only the memory is known. Raises InferenceError."""
    if not 0 < gib < math.inf:
        raise InferenceError(f"a GPU's memory must be a number of GiB over 0, not {gib}")
    return Gpu(f"{gib:g} GiB", int(gib * GIB))


def named_gpu(name: str) -> Gpu:
    """Return a GPU by its exact name. Raises InferenceError."""
    if name not in GPUS:
        raise InferenceError(f"no GPU is named {name!r}; known are {', '.join(GPUS)}")
    return GPUS[name]
