"""Reduce captured values where they stand, so that few of them are copied and kept."""

from dataclasses import replace

import torch
from torch import Tensor

from inference.interp.captured import Snapshot
from inference.interp.reductions import Mean, Projection, Reduction, TopK


def reduced(snapshot: Snapshot, reduction: Reduction | None) -> Snapshot:
    """Return a snapshot of whole values [positions, …], on any device, reduced in float32.

    Of ``last`` the rows are chosen before; they come as they are.
    """
    if reduction is None:
        return snapshot
    kind, values = reduction.kind, snapshot.values.float()
    if isinstance(reduction, Mean):
        values = values.mean(dim=0, keepdim=True)
    if isinstance(reduction, Projection):
        return replace(snapshot, values=_projected(values, reduction), reduce_kind=kind)
    if isinstance(reduction, TopK):
        top = values.topk(reduction.k)
        indices = top.indices.to(torch.int32)
        return replace(snapshot, values=top.values, indices=indices, reduce_kind=kind)
    return replace(snapshot, values=values, reduce_kind=kind)


def on_cpu(snapshot: Snapshot, dtype: torch.dtype) -> Snapshot:
    """Return a snapshot with its values on the CPU, in a dtype."""
    indices = snapshot.indices if snapshot.indices is None else snapshot.indices.cpu()
    return replace(snapshot, values=snapshot.values.to("cpu", dtype), indices=indices)


def _projected(values: Tensor, projection: Projection) -> Tensor:
    matrix = torch.as_tensor(projection.matrix).to(values)
    bias = None if projection.bias is None else torch.as_tensor(projection.bias).to(values)
    return torch.nn.functional.linear(values, matrix, bias)
