"""An engine that cannot fit is refused before anything is loaded."""

from pathlib import Path

import torch

from inference.config import OptConfig
from inference.engine.model_runner import cache_dtype
from inference.errors import InferenceError
from inference.model.linear import kernel_maker
from inference.model.loader import DTYPES
from inference.plan.shapes import shape_of
from inference.plan.stages import stages_of, weight_bytes_on_all

_CGROUP = Path("/sys/fs/cgroup")


class DoesNotFit(InferenceError, MemoryError):
    """Weights and one full sequence need more memory than the device has to give."""


def require_room(
    config: OptConfig,
    dtype: str,
    device: str,
    tensor_size: int = 1,
    pipeline_size: int = 1,
    *,
    available: int | None = None,
) -> None:
    """Hold the fullest rank's weights, and its part of a full sequence's cache, against its device.

    On a CPU, where all ranks share the memory, all must fit. available: bytes; None asks the
    device, and passes where it doesn't say. Raises DoesNotFit.
    """
    shape, ranks = shape_of(config), tensor_size * pipeline_size
    maps_tables = kernel_maker(device, dtype) is not None  # tables stay in their files
    weights = weight_bytes_on_all(shape, 1 if maps_tables else pipeline_size, dtype)
    kept = str(cache_dtype(device, DTYPES[dtype])).removeprefix("torch.")
    cache = shape.context * shape.kv_bytes_per_token(kept)
    alone = ranks == 1 or device == "cpu"
    needed = weights + cache
    if not alone:
        needed = max(
            stage.weight_bytes(dtype)
            + shape.context * shape.kv_bytes(kept, stage.layers, stage.kv_heads)
            for stage in stages_of(shape, tensor_size, pipeline_size)
        )
    found = available_bytes(device) if available is None else available
    if found is not None and needed > found:
        share = "" if alone else f", {needed / 1e9:,.1f} GB on the fullest of {ranks} devices"
        raise DoesNotFit(
            f"this model doesn't fit: its weights take {weights / 1e9:,.1f} GB in {dtype} and one "
            f"sequence of {shape.context} tokens {cache / 1e9:,.1f} GB{share}, and {device} has "
            f"{found / 1e9:,.1f} GB to give. `python -m inference plan` says what would do"
        )


def available_bytes(device: str) -> int | None:
    """What the device could still give; None where it doesn't say. Raises InferenceError."""
    if device != "cpu":
        if not torch.cuda.is_available():
            raise InferenceError(f"there is no {device}: torch sees no GPU here; try device cpu")
        return int(torch.cuda.mem_get_info(device)[0])
    found = [size for size in (_machine_bytes(), _container_bytes(_CGROUP)) if size is not None]
    return min(found, default=None)


def _machine_bytes() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _container_bytes(cgroup: Path) -> int | None:
    """The control group's limit, less what is used and can't be dropped, as files' pages can."""
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
