"""Say whether a model fits some GPUs, with what room for its cache, and how fast. Free of torch.

Arithmetic, not measurement:

- weights: parameters times bytes each; tensor ranks share heads, inner neurons and tokens, and
  may differ by one of each, stages by one layer; with several stages the embedding is on the
  first and the last. The fullest GPU decides what fits, the slowest how fast;
- usable: 90 % of the memory, less 1.5 GB per GPU for the driver's context, NCCL, workspace and
  what every rank holds whole (norms, positions; for OPT-175B 0.07 GB);
- cache: 2 * layers * heads of keys * head width * bytes a token; heads fewer than tensor ranks
  are copied to each;
- best: of all ways to spread the model over these GPUs, the one that makes the most tokens a
  second with its cache full, or holds the most tokens where speeds aren't known;
- one stream reads all weights for each token, a full batch all weights and the whole cache;
- all-reduces: two a layer and step, each a latency and a ring's bytes; latencies are assumed;
- prefill: two operations a parameter and token, at half of the peak arithmetic;
- spread over pipeline ranks, a full batch goes in as many micro-batches, each of which reads a
  rank's weights; a prompt goes in chunks of 512 tokens, which follow one another.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from inference.plan.gpus import Machine
from inference.plan.roofline import (
    AllReduce,
    Roofline,
    Split,
    all_reduce,
    kv_bytes_on_all,
    roofline,
    split,
)
from inference.plan.shapes import (
    Shape,
)
from inference.plan.splits import (
    best_way,
    fit,
    layout_faults,
    notes_on,
    usable_bytes_per_gpu,
    ways,
)
from inference.plan.stages import weight_bytes_on_all

_FIGURES_OF_RANKS = (
    "weight_bytes_per_gpu", "kv_bytes_per_token_on_all", "kv_room_bytes", "kv_room_tokens",
    "full_sequences", "roofline", "all_reduce",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The verdict and its figures for one way to spread the model over so many GPUs.

    Bytes are over all GPUs unless named otherwise; per GPU: of the fullest. kv_bytes_per_token:
    held once; kv_bytes_per_token_on_all: with copies. splits: every way that fits; fastest_stream,
    fastest_full and fastest_prefill are of them. All of these have the exchanges between GPUs in
    them; roofline is without. Speeds are None where the GPU's aren't known.
    can_be_spread: whether the model can be cut so, and the ranks are as many as the GPUs; if not,
    figures of ranks mean nothing.
    """

    fits: bool
    can_be_spread: bool
    reasons: list[str]
    notes: list[str]
    gpus: int
    tensor_parallel_size: int
    pipeline_parallel_size: int
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
        """Return all figures by name; figures of ranks that can't be are None."""
        unknown = {} if self.can_be_spread else dict.fromkeys(_FIGURES_OF_RANKS)
        return asdict(self) | unknown


def plan_best(shape: Shape, machine: Machine, dtype: str = "float16") -> Plan:
    """Plan for the best way to spread the model over these GPUs, whatever the machine's own.

    It fits if any does. Raises InferenceError for a dtype that isn't known.
    """
    best = best_way(shape, machine, dtype)
    planned = plan(shape, best, dtype)
    if best.gpus == machine.gpus:
        return planned
    used = (
        f"{best.gpus} of {machine.gpus} GPUs are used: {shape.layers} layers and {shape.heads} "
        "attention heads can't be spread over all of them"
    )
    return replace(planned, notes=[used, *planned.notes])


def plan(shape: Shape, machine: Machine, dtype: str = "float16") -> Plan:
    """Decide whether the model fits with room for one sequence of full length at least.

    Raises InferenceError for a dtype that isn't known.
    """
    usable = machine.gpus * usable_bytes_per_gpu(machine)
    room = fit(shape, machine, dtype)
    sequences = room.tokens // shape.context
    unspreadable = layout_faults(shape, machine)
    reasons = unspreadable + _dtype_faults(machine, dtype)
    if not unspreadable:
        reasons += _memory_faults(shape, room.room_bytes, room.tokens)
    splits = _splits(shape, machine, dtype)
    room_on_all = usable - weight_bytes_on_all(shape, machine.pipeline_parallel_size, dtype)
    return Plan(
        fits=not reasons,
        can_be_spread=not unspreadable,
        reasons=reasons,
        notes=_notes(shape, machine, dtype),
        gpus=machine.gpus,
        tensor_parallel_size=machine.tensor_parallel_size,
        pipeline_parallel_size=machine.pipeline_parallel_size,
        parameters=shape.parameters,
        weight_bytes=shape.weight_bytes(dtype),
        weight_bytes_per_gpu=room.weight_bytes,
        kv_bytes_per_token=shape.kv_bytes_per_token(dtype),
        kv_bytes_per_token_on_all=kv_bytes_on_all(shape, machine, dtype),
        usable_bytes=usable,
        kv_room_bytes=room_on_all,
        kv_room_tokens=room.tokens,
        full_sequences=sequences,
        roofline=roofline(shape, machine, dtype, sequences) if room.room_bytes >= 0 else None,
        all_reduce=all_reduce(shape, machine, dtype),
        splits=splits,
        fastest_stream=max(splits, key=lambda way: way.one_stream, default=None),
        fastest_full=max(splits, key=lambda way: way.full, default=None),
        fastest_prefill=min(splits, key=lambda way: way.prefill_seconds, default=None),
    )


def _splits(shape: Shape, machine: Machine, dtype: str) -> list[Split]:
    """Return every way that leaves room for a sequence; none for a GPU of unknown speed."""
    splits = []
    for way in ways(shape, machine):
        sequences = fit(shape, way, dtype).tokens // shape.context
        speeds = split(shape, way, dtype, sequences) if sequences else None
        splits += [speeds] if speeds is not None else []
    return splits


def _dtype_faults(machine: Machine, dtype: str) -> list[str]:
    if dtype == "bfloat16" and not machine.gpu.has_bfloat16:
        return [f"{machine.gpu.name} has no bfloat16: use float16"]
    return []


def _memory_faults(shape: Shape, room: int, tokens: int) -> list[str]:
    """Return a sentence if weights or one sequence don't fit; room: bytes on the fullest GPU."""
    if room < 0:
        return [f"the fullest GPU's weights need {-room / 1e9:.1f} GB more than is usable there"]
    if tokens < shape.context:
        return [f"the cache would hold {tokens} tokens, fewer than one sequence of {shape.context}"]
    return []


def _notes(shape: Shape, machine: Machine, dtype: str) -> list[str]:
    notes = notes_on(shape, machine)
    if not shape.is_opt:
        notes.append("on paper: this engine runs OPT only")
    if dtype == "int8":
        notes.append("on paper: this engine runs int8 weights on CPUs only")
    if shape.kv_heads < shape.heads:
        notes.append("heads of keys and values are copied to every tensor rank")
    return notes
