"""Whether a model fits some GPUs, with what room for its cache, and how fast. Free of torch.

Arithmetic, not measurement:

- weights: parameters times bytes each, split evenly over all GPUs;
- usable: 90 % of the memory, less 1.5 GB per GPU for the driver's context, NCCL, workspace and
  what every rank holds whole (norms, positions; for OPT-175B 0.07 GB);
- cache: 2 * layers * heads of keys * head width * bytes a token; heads fewer than tensor ranks
  are copied to each;
- one stream reads all weights for each token, a full batch all weights and the whole cache;
- all-reduces: two a layer and step, each a latency and a ring's bytes; latencies are assumed;
- prefill: two operations a parameter and token, at half of the peak arithmetic;
- spread over pipeline ranks, a full batch goes in as many micro-batches, each of which reads a
  rank's weights; a prompt goes in chunks of 512 tokens, which follow one another.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from inference.layout import split_faults
from inference.machines import GIB, GPUS, Gpu, Links, Machine, gpu_of_memory, named_gpu
from inference.shapes import (
    DTYPE_BYTES,
    NAMES,
    Shape,
    named_config,
    named_shape,
    parameter_count,
    shape_of,
)
from inference.speed import (
    AllReduce,
    Roofline,
    Split,
    all_reduce,
    kv_bytes_on_all,
    roofline,
    split,
    spread,
)

__all__ = [
    "DTYPE_BYTES",
    "GIB",
    "GPUS",
    "NAMES",
    "Gpu",
    "Links",
    "Machine",
    "Plan",
    "Shape",
    "Split",
    "gpu_of_memory",
    "named_config",
    "named_gpu",
    "named_shape",
    "parameter_count",
    "plan",
    "shape_of",
]
USABLE_SHARE = 0.9
OVERHEAD_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Plan:
    """The verdict and its figures; bytes over all GPUs unless named otherwise.

    kv_bytes_per_token: held once; kv_bytes_per_token_on_all: with copies. splits: every way to
    spread the model over these GPUs; fastest_stream, fastest_full and fastest_prefill are of
    them. Speeds are None where the GPU's aren't known.
    """

    fits: bool
    reasons: list[str]
    notes: list[str]
    parameters: int
    weight_bytes: int
    weight_bytes_per_gpu: int
    kv_bytes_per_token: int
    kv_bytes_per_token_on_all: int
    usable_bytes: int
    kv_room_bytes: int
    kv_room_tokens: int
    full_sequences: int
    roofline: Roofline | None
    all_reduce: AllReduce | None
    splits: list[Split]
    fastest_stream: Split | None
    fastest_full: Split | None
    fastest_prefill: Split | None

    def as_dict(self) -> dict[str, Any]:
        """All figures by name."""
        return asdict(self)


def plan(shape: Shape, machine: Machine, dtype: str = "float16") -> Plan:
    """Decide whether the model fits with room for one sequence of full length at least.

    Raises InferenceError for a dtype that isn't known.
    """
    weights, usable = shape.weight_bytes(dtype), usable_bytes(machine)
    room = usable - weights
    tokens = _tokens(shape, machine, dtype)
    sequences = tokens // shape.context
    reasons = _split_faults(shape, machine) + _dtype_faults(machine, dtype)
    reasons += _memory_faults(shape, room, tokens)
    splits = _splits(shape, machine, dtype)
    return Plan(
        fits=not reasons,
        reasons=reasons,
        notes=_notes(shape, dtype),
        parameters=shape.parameters,
        weight_bytes=weights,
        weight_bytes_per_gpu=math.ceil(weights / machine.gpus),
        kv_bytes_per_token=shape.kv_bytes_per_token(dtype),
        kv_bytes_per_token_on_all=kv_bytes_on_all(shape, machine, dtype),
        usable_bytes=usable,
        kv_room_bytes=room,
        kv_room_tokens=tokens,
        full_sequences=sequences,
        roofline=roofline(shape, machine, dtype, sequences) if room >= 0 else None,
        all_reduce=all_reduce(shape, machine, dtype),
        splits=splits,
        fastest_stream=max(splits, key=lambda each: each.one_stream, default=None),
        fastest_full=max(splits, key=lambda each: each.full, default=None),
        fastest_prefill=min(splits, key=lambda each: each.prefill_seconds, default=None),
    )


def usable_bytes(machine: Machine) -> int:
    """What weights and cache may take, over all GPUs."""
    per_gpu = int(machine.gpu.memory_bytes * USABLE_SHARE) - OVERHEAD_BYTES
    return machine.gpus * max(per_gpu, 0)


def _tokens(shape: Shape, machine: Machine, dtype: str) -> int:
    room = usable_bytes(machine) - shape.weight_bytes(dtype)
    return max(room // kv_bytes_on_all(shape, machine, dtype), 0)


def _splits(shape: Shape, machine: Machine, dtype: str) -> list[Split]:
    """Every way that divides evenly and leaves room for a sequence; none without speeds."""
    found = []
    for tensor in range(1, machine.gpus + 1):
        other = spread(machine, tensor, max(machine.gpus // tensor, 1))
        tokens = _tokens(shape, other, dtype)
        if _split_faults(shape, other) or tokens < shape.context:
            continue
        made = split(shape, other, dtype, tokens // shape.context)
        found += [made] if made is not None else []
    return found


def _split_faults(shape: Shape, machine: Machine) -> list[str]:
    tensor, pipeline = machine.tensor_parallel_size, machine.pipeline_parallel_size
    faults = []
    if tensor * pipeline != machine.gpus:
        faults.append(f"{tensor} tensor x {pipeline} pipeline ranks are not {machine.gpus} GPUs")
    shared = {"attention heads": shape.heads, "ffn_dim": shape.ffn}
    if not shape.pads_vocabulary:
        shared["vocab_size"] = shape.vocab
    return faults + split_faults(shared, shape.layers, tensor, pipeline)


def _dtype_faults(machine: Machine, dtype: str) -> list[str]:
    if dtype == "bfloat16" and not machine.gpu.has_bfloat16:
        return [f"{machine.gpu.name} has no bfloat16: use float16"]
    return []


def _memory_faults(shape: Shape, room: int, tokens: int) -> list[str]:
    if room < 0:
        return [f"the weights need {-room / 1e9:.1f} GB more than is usable"]
    if tokens < shape.context:
        return [f"the cache would hold {tokens} tokens, fewer than one sequence of {shape.context}"]
    return []


def _notes(shape: Shape, dtype: str) -> list[str]:
    notes = []
    if not shape.is_opt:
        notes.append("on paper: this engine runs OPT only")
    if dtype == "int8":
        notes.append("on paper: this engine runs int8 weights on CPUs only")
    if shape.kv_heads < shape.heads:
        notes.append("heads of keys and values are copied to every tensor rank")
    return notes
