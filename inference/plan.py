"""Whether a model fits some GPUs, and how much room is left for the cache. Free of torch.

Arithmetic, not measurement: weights are split evenly over tensor and pipeline ranks, 90 % of
the memory is used, and 1.5 GB per GPU goes to the driver's context, NCCL and workspace.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from inference.config import POSITION_OFFSET, OptConfig
from inference.errors import InferenceError

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
USABLE_SHARE = 0.9
OVERHEAD_BYTES = 1_500_000_000
GIB = 2**30
_SIZES = {  # layers, heads, d_model (OPT paper, table 1)
    "opt-125m": (12, 12, 768),
    "opt-350m": (24, 16, 1024),
    "opt-1.3b": (24, 32, 2048),
    "opt-2.7b": (32, 32, 2560),
    "opt-6.7b": (32, 32, 4096),
    "opt-13b": (40, 40, 5120),
    "opt-30b": (48, 56, 7168),
    "opt-66b": (64, 72, 9216),
    "opt-175b": (96, 96, 12288),
}
NAMES = tuple(_SIZES)


@dataclass(frozen=True)
class Machine:
    """Equal GPUs, and how the model is spread over them: tensor * pipeline ranks."""

    gpus: int
    gpu_memory_gib: float
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1


@dataclass(frozen=True)
class Plan:
    """The verdict and its figures; bytes over all GPUs unless named otherwise."""

    fits: bool
    reasons: list[str]
    parameters: int
    weight_bytes: int
    weight_bytes_per_gpu: int
    kv_bytes_per_token: int
    usable_bytes: int
    kv_room_bytes: int
    kv_room_tokens: int
    full_sequences: int

    def as_dict(self) -> dict[str, Any]:
        """All figures by name."""
        return asdict(self)


def named_config(name: str) -> OptConfig:
    """A published OPT shape by its exact name."""
    if name not in _SIZES:
        raise InferenceError(f"no model is named {name!r}; known are {', '.join(NAMES)}")
    layers, heads, width = _SIZES[name]
    post_norm = name == "opt-350m"
    return OptConfig(
        vocab_size=50272,
        hidden_size=width,
        num_hidden_layers=layers,
        ffn_dim=4 * width,
        num_attention_heads=heads,
        max_position_embeddings=2048,
        word_embed_proj_dim=512 if post_norm else width,
        do_layer_norm_before=not post_norm,
    )


def parameter_count(config: OptConfig) -> int:
    """Number of parameters; the tied head counts once."""
    width, narrow, ffn = config.hidden_size, config.word_embed_proj_dim, config.ffn_dim
    bias = int(config.enable_bias)
    norm = 2 * width * int(config.layer_norm_elementwise_affine)
    attention = 4 * (width * width + bias * width)
    feed = 2 * width * ffn + bias * (ffn + width)
    embeddings = config.vocab_size * narrow
    embeddings += (config.max_position_embeddings + POSITION_OFFSET) * width
    projections = 2 * narrow * width * int(config.has_projections)
    layers = config.num_hidden_layers * (attention + feed + 2 * norm)
    return embeddings + projections + layers + norm * int(config.has_final_layer_norm)


def weight_bytes(config: OptConfig, dtype: str) -> int:
    """Bytes of the weights in dtype."""
    return parameter_count(config) * _item_bytes(dtype)


def kv_bytes_per_token(config: OptConfig, dtype: str) -> int:
    """Bytes that the cache holds for one token: a key and a value in every layer."""
    return 2 * config.num_hidden_layers * config.hidden_size * _item_bytes(dtype)


def plan(config: OptConfig, machine: Machine, dtype: str = "float16") -> Plan:
    """Decide whether the model fits with room for one sequence of full length at least."""
    weights, per_token = weight_bytes(config, dtype), kv_bytes_per_token(config, dtype)
    usable = _usable_bytes(machine)
    room = usable - weights
    tokens = max(room // per_token, 0)
    reasons = _split_faults(config, machine) + _memory_faults(config, room, tokens)
    return Plan(
        fits=not reasons,
        reasons=reasons,
        parameters=parameter_count(config),
        weight_bytes=weights,
        weight_bytes_per_gpu=math.ceil(weights / machine.gpus),
        kv_bytes_per_token=per_token,
        usable_bytes=usable,
        kv_room_bytes=room,
        kv_room_tokens=tokens,
        full_sequences=tokens // config.max_position_embeddings,
    )


def _usable_bytes(machine: Machine) -> int:
    if machine.gpus < 1 or machine.gpu_memory_gib <= 0:
        raise InferenceError("give at least one GPU, with some memory")
    per_gpu = int(machine.gpu_memory_gib * GIB * USABLE_SHARE) - OVERHEAD_BYTES
    return machine.gpus * max(per_gpu, 0)


def _split_faults(config: OptConfig, machine: Machine) -> list[str]:
    tensor, pipeline = machine.tensor_parallel_size, machine.pipeline_parallel_size
    if tensor < 1 or pipeline < 1:
        raise InferenceError("tensor and pipeline ranks must be 1 or more")
    faults = []
    if tensor * pipeline != machine.gpus:
        faults.append(f"{tensor} tensor x {pipeline} pipeline ranks are not {machine.gpus} GPUs")
    split = {"attention heads": config.num_attention_heads, "ffn_dim": config.ffn_dim}
    for name, size in {**split, "vocab_size": config.vocab_size}.items():
        if size % tensor:
            faults.append(f"{size} ({name}) is not a multiple of {tensor} tensor ranks")
    if config.num_hidden_layers % pipeline:
        faults.append(
            f"{config.num_hidden_layers} layers are not a multiple of {pipeline} pipeline ranks"
        )
    return faults


def _memory_faults(config: OptConfig, room: int, tokens: int) -> list[str]:
    if room < 0:
        return [f"the weights need {-room / 1e9:.1f} GB more than is usable"]
    if tokens < config.max_position_embeddings:
        return [
            f"the cache would hold {tokens} tokens, "
            f"fewer than one sequence of {config.max_position_embeddings}"
        ]
    return []


def _item_bytes(dtype: str) -> int:
    if dtype not in DTYPE_BYTES:
        raise InferenceError(f"dtype must be one of {', '.join(DTYPE_BYTES)}, not {dtype!r}")
    return DTYPE_BYTES[dtype]
