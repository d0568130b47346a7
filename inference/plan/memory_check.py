"""Refuse an engine that cannot fit into memory before anything is loaded."""

from pathlib import Path

import torch

from inference.config import OptConfig
from inference.engine.model_runner import kv_cache_dtype
from inference.errors import InferenceError
from inference.model.linear import kernel_maker
from inference.model.loader import DTYPES
from inference.model.weight_files import dtype_name
from inference.plan.shapes import shape_of
from inference.plan.stages import stages_of, weight_bytes_on_all

_CGROUP = Path("/sys/fs/cgroup")


class DoesNotFit(InferenceError, MemoryError):
    """The device has less free memory than the weights and one full sequence need."""


def require_memory(
    config: OptConfig,
    dtype: str,
    device: str,
    tensor_size: int = 1,
    pipeline_size: int = 1,
    *,
    available: int | None = None,
) -> None:
    """Raise DoesNotFit unless the fullest rank's weights and one full sequence's KV cache fit.

    On a CPU all ranks share the memory, so all of it must fit there. available: bytes; None asks
    the device, and passes where it doesn't say.
    """
    shape, ranks = shape_of(config), tensor_size * pipeline_size
    maps_tables = kernel_maker(device, dtype) is not None  # tables stay in their files
    weights = weight_bytes_on_all(shape, 1 if maps_tables else pipeline_size, dtype)
    cache_dtype = dtype_name(kv_cache_dtype(device, DTYPES[dtype]))
    cache = shape.context * shape.kv_bytes_per_token(cache_dtype)
    shared_memory = ranks == 1 or device == "cpu"
    needed = weights + cache
    if not shared_memory:
        needed = max(
            stage.weight_bytes(dtype)
            + shape.context * shape.kv_bytes(cache_dtype, stage.layers, stage.kv_heads)
            for stage in stages_of(shape, tensor_size, pipeline_size)
        )
    free = available_bytes(device) if available is None else available
    if free is not None and needed > free:
        fullest = (
            "" if shared_memory else f", {needed / 1e9:,.1f} GB on the fullest of {ranks} devices"
        )
        raise DoesNotFit(
            f"this model doesn't fit: its weights take {weights / 1e9:,.1f} GB in {dtype} and one "
            f"sequence of {shape.context} tokens {cache / 1e9:,.1f} GB{fullest}, and {device} has "
            f"{free / 1e9:,.1f} GB to give. `python -m inference plan` says what would do"
        )


def available_bytes(device: str) -> int | None:
    """Return the device's free memory, None if it doesn't say. Raises InferenceError."""
    if device != "cpu":
        if not torch.cuda.is_available():
            raise InferenceError(f"there is no {device}: torch sees no GPU here; try device cpu")
        return int(torch.cuda.mem_get_info(device)[0])
    # in a container the machine's memory is shown too, and its own limit is what counts
    limits = [_machine_bytes(), _container_bytes(_CGROUP)]
    return min((limit for limit in limits if limit is not None), default=None)


def _machine_bytes() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _container_bytes(cgroup: Path) -> int | None:
    """Return what the control group may still take; cached pages of files count as free."""
    limit, used = _lines(cgroup / "memory.max"), _lines(cgroup / "memory.current")
    if not limit or not used or not limit[0].isdigit():
        return None
    pages = dict(line.split() for line in _lines(cgroup / "memory.stat"))
    files = int(pages.get("inactive_file", 0)) + int(pages.get("active_file", 0))
    return int(limit[0]) - int(used[0]) + files


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
