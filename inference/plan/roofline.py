"""Bound a model's speed on a machine by memory, arithmetic and exchanges. Free of torch.

These are bounds, not measurements: real engines reach 50 to 60 % of what memory alone allows.
Tensor ranks wait for the one with the largest share, and micro-batches for the slowest stage.
"""

from dataclasses import dataclass

from inference.plan.gpus import Machine, Rates
from inference.plan.shapes import Shape
from inference.plan.stages import Stage, stages_of

PREFILL_SHARE = 0.5  # of the peak arithmetic, which long prompts reach
CHUNK_TOKENS = 512  # of a prompt, computed in one step
HALF_BYTES = 2  # hidden states travel in 16 bits


@dataclass(frozen=True)
class Roofline:
    """The speed that memory and arithmetic allow, without exchanges: tokens/s over all GPUs.

    one_stream: a single sequence. full: as many full sequences as the cache holds, or 0.
    prefill_seconds: for one prompt of the model's whole context.
    """

    one_stream: float
    full: float
    prefill_seconds: float


@dataclass(frozen=True)
class AllReduce:
    """The all-reduces of one step over tensor ranks. share: of a single stream's step."""

    count: int
    bytes_per_sequence: int
    crosses_nodes: bool
    seconds: float
    share: float


@dataclass(frozen=True)
class Split:
    """The speed of one way to spread the model, exchanges included: tokens per second.

    full needs as many micro-batches in flight as there are pipeline ranks. prefill_seconds: for
    one prompt of the whole context, in chunks that follow one another through the stages.
    """

    tensor_parallel_size: int
    pipeline_parallel_size: int
    one_stream: float
    full: float
    prefill_seconds: float


def roofline(shape: Shape, machine: Machine, dtype: str, sequences: int) -> Roofline | None:
    """Bound a model's speed with so many full sequences cached; None for a GPU of unknown speed."""
    rates, gpus = machine.gpu.rates, machine.gpus
    if rates is None:
        return None
    weights = shape.weight_bytes(dtype)
    cache = sequences * shape.context * kv_bytes_on_all(shape, machine, dtype)
    memory = (weights + cache) / (gpus * rates.memory)
    arithmetic = 2 * shape.parameters * sequences / (gpus * rates.arithmetic)
    prefill = 2 * shape.parameters * shape.context / (gpus * rates.arithmetic * PREFILL_SHARE)
    one_stream = gpus * rates.memory / weights
    return Roofline(one_stream, sequences / max(memory, arithmetic), prefill)


def all_reduce(shape: Shape, machine: Machine, dtype: str) -> AllReduce | None:
    """Return what tensor parallelism adds to a single stream's step; None if unknown."""
    rates = machine.gpu.rates
    if rates is None:
        return None
    count = 2 * shape.layers if machine.tensor_parallel_size > 1 else 0
    seconds = count * exchange_seconds(shape, machine, rates, 1)
    reading = sum(stage.read_bytes(dtype) for stage in _stages(shape, machine)) / rates.memory
    return AllReduce(
        count,
        shape.width * HALF_BYTES,
        machine.tensor_parallel_size > machine.gpus_per_node,
        seconds,
        seconds / (seconds + reading),
    )


def split(shape: Shape, machine: Machine, dtype: str, sequences: int) -> Split | None:
    """Return the speed of this way to spread the model; None for a GPU of unknown speed."""
    rates = machine.gpu.rates
    if rates is None:
        return None
    stages = machine.pipeline_parallel_size
    one_token = sum(_seconds(shape, machine, dtype, 1.0, rates))
    batch = sequences / stages  # as many micro-batches as stages keep all of these busy
    full = batch / max(_seconds(shape, machine, dtype, batch, rates, cached=True))
    chunk = min(CHUNK_TOKENS, shape.context)
    chunk_seconds = _seconds(shape, machine, dtype, chunk, rates)
    later_chunks = -(-shape.context // chunk) - 1
    prefill = sum(chunk_seconds) + later_chunks * max(chunk_seconds)
    return Split(machine.tensor_parallel_size, stages, 1 / one_token, full, prefill)


def exchange_seconds(shape: Shape, machine: Machine, rates: Rates, sequences: float) -> float:
    """Return the time of one ring all-reduce of hidden states over the tensor ranks."""
    ranks, links = machine.tensor_parallel_size, machine.links
    crosses = ranks > machine.gpus_per_node
    latency = links.network_seconds if crosses else links.node_seconds
    speed = links.network if crosses else rates.link
    sent = 2 * (ranks - 1) / ranks * sequences * shape.width * HALF_BYTES
    return latency + sent / speed


def kv_bytes_on_all(shape: Shape, machine: Machine, dtype: str) -> int:
    """Return one token's KV cache over all GPUs; heads fewer than tensor ranks are copied."""
    heads = max(shape.kv_heads, machine.tensor_parallel_size)
    return shape.kv_bytes(dtype, shape.layers, heads)


def _stages(shape: Shape, machine: Machine) -> tuple[Stage, ...]:
    return stages_of(shape, machine.tensor_parallel_size, machine.pipeline_parallel_size)


def _seconds(
    shape: Shape,
    machine: Machine,
    dtype: str,
    batch: float,
    rates: Rates,
    *,
    cached: bool = False,
) -> list[float]:
    """Return the time of each stage in a step over batch sequences, with sending the result on."""
    all_reduces = 2 * exchange_seconds(shape, machine, rates, batch)  # of each layer
    all_reduces = all_reduces if machine.tensor_parallel_size > 1 else 0.0
    hop = _hop_seconds(shape, machine, rates, batch)
    seconds = []
    for stage in _stages(shape, machine):
        read: float = stage.read_bytes(dtype)
        if cached:
            kv_bytes = shape.kv_bytes(dtype, stage.layers, stage.kv_heads)
            read += batch * shape.context * kv_bytes
        operations = 2 * stage.read_parameters * batch
        arithmetic = operations / (rates.arithmetic * PREFILL_SHARE)
        seconds.append(max(read / rates.memory, arithmetic) + stage.layers * all_reduces + hop)
    return seconds


def _hop_seconds(shape: Shape, machine: Machine, rates: Rates, batch: float) -> float:
    """Return the time to send hidden states on, between nodes if the ranks fill several."""
    if machine.pipeline_parallel_size == 1:
        return 0.0
    links, crosses = machine.links, machine.gpus > machine.gpus_per_node
    speed = links.network if crosses else rates.link
    latency = links.network_seconds if crosses else links.node_seconds
    return latency + batch * shape.width * HALF_BYTES / speed
