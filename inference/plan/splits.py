"""Find the ways to spread a model over GPUs, their room for the cache, and the best. No torch."""

from dataclasses import dataclass, replace

from inference.model.layout import shared_sizes, split_faults
from inference.plan.gpus import Machine
from inference.plan.roofline import split
from inference.plan.shapes import Shape
from inference.plan.stages import stages_of

USABLE_SHARE = 0.9
OVERHEAD_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Fit:
    """The room that one way leaves for the cache.

    weight_bytes: on the fullest GPU; room_bytes: what is left there, below 0 if they don't fit.
    tokens: as many as every GPU has room for its part of.
    """

    weight_bytes: int
    room_bytes: int
    tokens: int


def fit(shape: Shape, machine: Machine, dtype: str) -> Fit:
    """Compare each stage's fullest rank with a GPU's memory. Raises UnknownDtype."""
    stages = stages_of(shape, machine.tensor_parallel_size, machine.pipeline_parallel_size)
    usable = usable_bytes_per_gpu(machine)
    weights = max(stage.weight_bytes(dtype) for stage in stages)
    tokens = min(
        (usable - stage.weight_bytes(dtype))
        // max(shape.kv_bytes(dtype, stage.layers, stage.kv_heads), 1)
        for stage in stages
    )
    return Fit(weights, usable - weights, max(tokens, 0))


def usable_bytes_per_gpu(machine: Machine) -> int:
    """Return the bytes that weights and cache may take of one GPU."""
    return max(int(machine.gpu.memory_bytes * USABLE_SHARE) - OVERHEAD_BYTES, 0)


def layout_faults(shape: Shape, machine: Machine) -> list[str]:
    """Return one sentence for each reason why the model can't be spread so."""
    tensor, pipeline = machine.tensor_parallel_size, machine.pipeline_parallel_size
    faults = []
    if tensor * pipeline != machine.gpus:
        gpus = "1 GPU" if machine.gpus == 1 else f"{machine.gpus} GPUs"
        faults.append(f"{tensor} tensor x {pipeline} pipeline ranks are not {gpus}")
    return faults + split_faults(_shared(shape), shape.layers, tensor, pipeline)


def ways(shape: Shape, machine: Machine) -> list[Machine]:
    """Return every way to spread the model over all of these GPUs, by tensor ranks."""
    most = min(machine.gpus, *_shared(shape).values())
    divisions = [
        replace(machine, tensor_parallel_size=tensor, pipeline_parallel_size=machine.gpus // tensor)
        for tensor in range(1, most + 1)
        if machine.gpus % tensor == 0
    ]
    return [way for way in divisions if way.pipeline_parallel_size <= shape.layers]


def best_way(shape: Shape, machine: Machine, dtype: str) -> Machine:
    """Choose how to spread the model, over as many of these GPUs as it can be spread over.

    The best makes the most tokens a second with its cache full; where speeds aren't known, it
    holds the most tokens. Where none fits, it is the one that comes nearest.
    """
    gpus = min(machine.gpus, shape.layers * min(_shared(shape).values()))
    while not ways(shape, replace(machine, gpus=gpus)):
        gpus -= 1

    def rank(way: Machine) -> tuple[float, ...]:
        room = fit(shape, way, dtype)
        sequences = room.tokens // shape.context
        speeds = split(shape, way, dtype, sequences) if sequences else None
        full_speed = 0.0 if speeds is None else speeds.full
        nearest = (room.tokens, room.room_bytes)
        return min(sequences, 1), full_speed, *nearest, way.tensor_parallel_size

    return max(ways(shape, replace(machine, gpus=gpus)), key=rank)


def notes_on(shape: Shape, machine: Machine) -> list[str]:
    """Return sentences on shares that aren't equal."""
    notes = []
    for name, size, kind, ranks in (
        ("attention heads", shape.heads, "tensor", machine.tensor_parallel_size),
        ("layers", shape.layers, "pipeline", machine.pipeline_parallel_size),
    ):
        if size % ranks and size > ranks:
            notes.append(
                f"{size} {name} over {ranks} {kind} ranks are uneven: {-(-size // ranks)} on the "
                f"fullest, {size // ranks} on others, and the fullest decides memory and speed"
            )
    return notes


def _shared(shape: Shape) -> dict[str, int]:
    return shared_sizes(shape.heads, shape.ffn, shape.vocab)
