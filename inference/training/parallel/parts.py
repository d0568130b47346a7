"""Move weights between whole tensors and the parts that ranks hold."""

from typing import Any

import torch
from torch import Tensor


def local(tensor: Tensor) -> Tensor:
    """Return this rank's part of a tensor: all of it, unless ranks share it."""
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


def whole(tensor: Tensor) -> Tensor:
    """Gather a tensor from the ranks that share it; every rank must call this."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


def is_divided(tensor: Tensor, dimension: str) -> bool:
    """Tell whether ranks along a dimension of the mesh hold different parts of a tensor."""
    mesh = getattr(tensor, "device_mesh", None)
    names = () if mesh is None else mesh.mesh_dim_names
    shared: Any = tensor  # a DTensor, if it has a mesh
    return dimension in names and not shared.placements[names.index(dimension)].is_replicate()


@torch.no_grad()
def fill(tensor: Tensor, values: Tensor) -> None:
    """Set this rank's part of a tensor from the whole tensor's values."""
    if not hasattr(tensor, "to_local"):
        tensor.copy_(values)
        return
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    shared: Any = tensor  # a DTensor
    shape, offset = compute_local_shape_and_global_offset(
        shared.shape, shared.device_mesh, shared.placements
    )
    part = values
    for dimension, (size, start) in enumerate(zip(shape, offset, strict=True)):
        part = part.narrow(dimension, min(start, part.shape[dimension]), size)
    local(tensor).copy_(part)
