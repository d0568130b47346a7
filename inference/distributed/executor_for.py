"""Choose where an engine's model runs: in this process alone, or over ranks."""

from datetime import timedelta

from inference.config import OptConfig
from inference.distributed.executor import DistributedExecutor
from inference.distributed.launch import (
    join_torchrun,
    rank_of_torchrun,
    start_ranks,
    started_by_torchrun,
)
from inference.distributed.messages import LoadModel
from inference.distributed.worker import work_until_shutdown
from inference.distributed.worker_model import load_shard
from inference.engine.model_runner import ModelRunner
from inference.model.layout import require_splits
from inference.plan.memory_check import require_memory


def executor_for(
    options: LoadModel,
    config: OptConfig,
    tensor: int,
    pipeline: int,
    device: str,
    timeout_seconds: float,
) -> ModelRunner | DistributedExecutor:
    """Load the model and return what runs it. Raises LayoutError, DoesNotFit before that.

    In torchrun's ranks other than 0 this serves rank 0 until it ends, then raises SystemExit.
    """
    require_splits(config, tensor, pipeline)
    if not (started_by_torchrun() and device == "cpu"):  # else other hosts' memory counts too
        require_memory(config, options.dtype, device, tensor, pipeline)
    if tensor * pipeline == 1:
        shard = load_shard(options, device)
        return shard.make_runner(shard.num_blocks)
    deadline = timedelta(seconds=timeout_seconds)
    if rank_of_torchrun() > 0:
        raise SystemExit(work_until_shutdown(*join_torchrun(tensor, pipeline, device, deadline)))
    return DistributedExecutor(start_ranks(tensor, pipeline, device, deadline), options)
