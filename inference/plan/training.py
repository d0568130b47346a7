"""Say whether a training fits some GPUs, and what it takes. Free of torch; nothing was measured.

- weights, gradients and moments: fp32, 16 bytes a parameter, shared by all ranks; tensor ranks
  share what ``layout`` splits, data ranks the rest of it;
- gathered: one layer's weights and gradients and the next one's weights, in the arithmetic's
  dtype; the embedding's weights in it, and its gradient in fp32;
- activations of a micro-batch: 34 bytes a token, layer and unit of width in two-byte dtypes
  (arXiv 2205.05198 without the attention's matrix, which fused kernels don't keep), of which
  tensor ranks share 24; recomputing keeps 2 and one layer's rest. Logits are made in blocks;
- usable: 90 % of the memory, less 1.5 GB for the driver's context, NCCL and workspace;
- operations: 6 a parameter and token and 12 a layer, unit of width, position and token, counted as
  one third more where layers are recomputed;
- time: at a share of the GPU's peak (0.4; OPT-175B reached 0.47 with recomputing counted).
"""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from inference.plan.energy import EnergyEstimate, EnergyInputs, estimate_energy
from inference.plan.gpus import Machine
from inference.plan.shapes import Shape, item_bytes
from inference.plan.splits import usable_bytes_per_gpu

STATE_BYTES = 16  # fp32: a weight, its gradient and two moments
REACHED_SHARE = 0.4
LOGIT_BLOCK_BYTES = 3 * 2**25  # blocks of 2**23 logits, and their products
SHARED_ACTIVATIONS, WHOLE_ACTIVATIONS = 24, 10  # bytes a token, layer and unit of width, two-byte
_OPERATIONS, _ATTENTION_OPERATIONS, _RECOMPUTED = 6, 12, 4 / 3


@dataclass(frozen=True)
class TrainingJob:
    """A training to plan for. batch: sequences of a step; micro_batch: of a GPU at once."""

    shape: Shape
    sequence_length: int
    batch: int
    steps: int
    dtype: str
    micro_batch: int | None = None
    recompute: bool = False

    @property
    def tokens(self) -> int:
        """Tokens seen in all."""
        return self.steps * self.batch * self.sequence_length

    @property
    def operations(self) -> float:
        """Return the floating-point operations of all steps."""
        shape = self.shape
        attention = _ATTENTION_OPERATIONS * shape.layers * shape.width * self.sequence_length
        a_token = _OPERATIONS * shape.parameters + attention
        return self.tokens * a_token * (_RECOMPUTED if self.recompute else 1)


@dataclass(frozen=True)
class TrainingMemory:
    """The bytes of the fullest GPU."""

    usable_bytes: int
    state_bytes: int
    gathered_bytes: int
    activation_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Bytes of all of it."""
        return self.state_bytes + self.gathered_bytes + self.activation_bytes


@dataclass(frozen=True)
class TrainingPlan:
    """The verdict and its figures; speeds, and what follows from them, are None where unknown."""

    fits: bool
    reasons: list[str]
    gpus: int
    data_ranks: int
    tensor_ranks: int
    micro_batch: int
    parameters: int
    tokens: int
    operations: float
    memory: TrainingMemory
    hours: float | None
    gpu_hours: float | None
    energy: EnergyEstimate | None
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return all figures by name."""
        return asdict(self)


def plan_training(
    job: TrainingJob,
    machine: Machine,
    *,
    inputs: EnergyInputs,
    reached_share: float = REACHED_SHARE,
    price_per_gpu_hour: float | None = None,
) -> TrainingPlan:
    """Plan a training on data ranks that fill the machine beside its tensor ranks."""
    tensor = machine.tensor_parallel_size
    data = machine.gpus // tensor
    micro = min(job.micro_batch or ceil(job.batch / max(data, 1)), job.batch)
    memory = training_memory(job, machine, micro)
    reasons = _faults(job, machine, data) or _shortages(job, machine, memory, micro)
    hours = _hours(job, machine, reached_share)
    gpu_hours = None if hours is None else hours * machine.gpus
    return TrainingPlan(
        fits=not reasons,
        reasons=reasons,
        gpus=machine.gpus,
        data_ranks=data,
        tensor_ranks=tensor,
        micro_batch=micro,
        parameters=job.shape.parameters,
        tokens=job.tokens,
        operations=job.operations,
        memory=memory,
        hours=hours,
        gpu_hours=gpu_hours,
        energy=None if gpu_hours is None else estimate_energy(gpu_hours, inputs),
        cost=_cost(gpu_hours, price_per_gpu_hour),
    )


def training_memory(job: TrainingJob, machine: Machine, micro_batch: int) -> TrainingMemory:
    """Return the bytes of one GPU, all of which hold equal shares."""
    shape, tensor = job.shape, machine.tensor_parallel_size
    item = item_bytes(job.dtype)
    state = ceil(shape.parameters * STATE_BYTES / machine.gpus)
    layer = ceil((shape.attention_parameters + shape.feed_parameters) / tensor)
    table = ceil(shape.table_parameters / tensor)
    gathered = layer * (2 * item + item) + table * (item + STATE_BYTES // 4)
    tokens = micro_batch * job.sequence_length
    per_layer = ceil(
        tokens * shape.width * (SHARED_ACTIVATIONS / tensor + WHOLE_ACTIVATIONS) * item / 2
    )
    whole_layers = 1 if job.recompute else shape.layers
    borders = tokens * shape.width * item * shape.layers * job.recompute
    activations = per_layer * whole_layers + borders + LOGIT_BLOCK_BYTES
    return TrainingMemory(usable_bytes_per_gpu(machine), state, gathered, activations)


def _faults(job: TrainingJob, machine: Machine, data: int) -> list[str]:
    tensor, shape = machine.tensor_parallel_size, job.shape
    faults = []
    if machine.gpus % tensor:
        faults.append(f"{tensor} tensor ranks don't divide {machine.gpus} GPUs")
    elif job.batch % data:
        faults.append(f"{data} data ranks don't divide a batch of {job.batch} sequences")
    for size, name in ((shape.heads, "heads"), (shape.ffn, "inner neurons")):
        if size % tensor:
            faults.append(f"{tensor} tensor ranks don't divide {size} {name}")
    if job.dtype == "bfloat16" and not machine.gpu.has_bfloat16:
        faults.append(f"{machine.gpu.name} has no bfloat16: give --dtype float16")
    return faults


def _shortages(
    job: TrainingJob, machine: Machine, memory: TrainingMemory, micro_batch: int
) -> list[str]:
    if memory.needed_bytes <= memory.usable_bytes:
        return []
    missing = (memory.needed_bytes - memory.usable_bytes) / 1e9
    remedies = []
    if micro_batch > 1:
        remedies.append("a smaller --micro-batch")
    if not job.recompute:
        remedies.append("--recompute")
    remedies.append("more GPUs or more tensor ranks")
    return [
        f"each GPU needs {memory.needed_bytes / 1e9:,.1f} GB and {memory.usable_bytes / 1e9:,.1f} "
        f"are usable, {missing:,.1f} too few: give {', '.join(remedies)}"
    ]


def _hours(job: TrainingJob, machine: Machine, reached_share: float) -> float | None:
    rates = machine.gpu.rates
    if rates is None:
        return None
    # fp32 runs at an eighth or less of the peak, which is fp16's
    peak = rates.arithmetic / (8 if job.dtype == "float32" else 1)
    return job.operations / (machine.gpus * peak * reached_share) / 3600


def _cost(gpu_hours: float | None, price: float | None) -> float | None:
    return None if gpu_hours is None or price is None else gpu_hours * price
