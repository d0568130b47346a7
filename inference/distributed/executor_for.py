"""Where an engine's model runs: in this process alone, or over ranks."""

from datetime import timedelta

from inference.config import OptConfig
from inference.distributed.executor import Lead
from inference.distributed.launch import (
    join_torchrun,
    muster,
    rank_of_torchrun,
    started_by_torchrun,
)
from inference.distributed.messages import Load
from inference.distributed.worker import follow_until_end
from inference.distributed.worker_model import load_share
from inference.engine.model_runner import Runner
from inference.model.layout import require_splits
from inference.plan.memory_check import require_room


def place(
    load: Load,
    config: OptConfig,
    tensor: int,
    pipeline: int,
    device: str,
    timeout_seconds: float,
) -> Runner | Lead:
    """A loaded model, ready to run. Raises LayoutError, DoesNotFit before anything starts.

    In torchrun's ranks other than 0 it serves rank 0, and then raises SystemExit.
    """
    require_splits(config, tensor, pipeline)
    if not (started_by_torchrun() and device == "cpu"):  # else other hosts' memory counts too
        require_room(config, load.dtype, device, tensor, pipeline)
    if tensor * pipeline == 1:
        share = load_share(load, device)
        return share.runner(share.blocks)
    deadline = timedelta(seconds=timeout_seconds)
    if rank_of_torchrun() > 0:
        raise SystemExit(follow_until_end(*join_torchrun(tensor, pipeline, device, deadline)))
    return Lead(muster(tensor, pipeline, device, deadline), load)
