"""Spread a model over ranks by torch's own means: DTensor's tensor parallel and FSDP2."""

from typing import Any

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    RowwiseParallel,
    parallelize_module,
)

from inference.config import OptConfig
from inference.errors import TrainError
from inference.training.model.decoder import TrainedOpt
from inference.training.parallel.ranks import Ranks


def require_shares(config: OptConfig, tensor_size: int) -> None:
    """Raise TrainError naming each size that tensor ranks can't share equally."""
    sizes = {
        "heads": config.num_attention_heads,
        "inner neurons (ffn_dim)": config.ffn_dim,
        "entries of the vocabulary": config.vocab_size,
    }
    faults = [f"{size} {name}" for name, size in sizes.items() if size % tensor_size]
    if faults:
        raise TrainError(f"--tp {tensor_size} doesn't divide {', '.join(faults)}")


def spread(model: TrainedOpt, ranks: Ranks, dtype: torch.dtype) -> None:
    """Replace the weights of a model on the meta device by this rank's shares.

    Each layer is gathered when its turn comes. The embedding, which is the head too, is gathered
    for the way forward alone: its gradients are computed there. Weights and gradients' sums are
    fp32; the arithmetic is of dtype.
    """
    if ranks.tensor_size > 1:
        require_shares(model.config, ranks.tensor_size)
        _share_layers(model, ranks.mesh["tensor"])
    low = None if dtype == torch.float32 else dtype
    policy = MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32)
    data = ranks.mesh["data"]
    small = (model.final_layer_norm, model.project_in, model.project_out)
    for part in (*model.layers, *filter(None, small)):
        fully_shard(part, mesh=data, mp_policy=policy)
    fully_shard(model, mesh=data, mp_policy=policy, reshard_after_forward=True)
    model.set_unshard_in_backward(False)  # type: ignore[operator]


def _share_layers(model: TrainedOpt, mesh: Any) -> None:
    whole = Replicate()
    plan: dict[str, Any] = {
        # the three projections take one input, so that its gradient is summed over ranks once
        "self_attn": PrepareModuleInput(
            input_layouts=(whole, None), desired_input_layouts=(whole, None)
        ),
        "self_attn.q_proj": ColwiseParallel(),
        "self_attn.k_proj": ColwiseParallel(),
        "self_attn.v_proj": ColwiseParallel(),
        "self_attn.out_proj": RowwiseParallel(),
        "fc1": ColwiseParallel(),
        "fc2": RowwiseParallel(),
    }
    for layer in model.layers:
        parallelize_module(layer, mesh, plan)
    table: dict[str, Any] = {"embed_tokens": RowwiseParallel(input_layouts=whole)}
    parallelize_module(model, mesh, table)
    model.vocab_group = mesh.get_group()
