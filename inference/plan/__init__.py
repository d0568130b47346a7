"""Say whether a model fits some GPUs, with what room for its cache, and how fast. Free of torch.

Its one module with torch is ``memory_check``, which asks the device at hand.
"""

from inference.plan.gpus import GIB, GPUS, Gpu, Links, Machine, gpu_of_memory, named_gpu
from inference.plan.memory import GpuMemory, memory_of_each
from inference.plan.planner import Plan, plan, plan_best
from inference.plan.roofline import Split
from inference.plan.shapes import (
    DTYPE_BYTES,
    NAMES,
    Shape,
    named_config,
    named_shape,
    parameter_count,
    shape_of,
)
from inference.plan.steps import Step, steps_of

__all__ = [
    "DTYPE_BYTES",
    "GIB",
    "GPUS",
    "NAMES",
    "Gpu",
    "GpuMemory",
    "Links",
    "Machine",
    "Plan",
    "Shape",
    "Split",
    "Step",
    "gpu_of_memory",
    "memory_of_each",
    "named_config",
    "named_gpu",
    "named_shape",
    "parameter_count",
    "plan",
    "plan_best",
    "shape_of",
    "steps_of",
]
