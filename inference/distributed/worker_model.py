"""Load one rank's shard of a model, and find out how much KV cache it has room for."""

from dataclasses import dataclass

import torch

from inference.config import OptConfig
from inference.distributed.messages import LoadModel
from inference.engine.model_runner import ModelRunner, num_kv_cache_blocks
from inference.model.layout import WHOLE, Layout
from inference.model.loader import DTYPES, load_model
from inference.model.opt import OptModel, Reduce


@dataclass(frozen=True)
class LoadedShard:
    """One rank's part of a model, before its KV cache is taken; num_blocks: its room for one.

    The cache comes later, since all ranks must take the number of blocks that the least of them
    has room for.
    """

    model: OptModel
    device: str
    dtype: torch.dtype
    num_blocks: int
    sampled_vocab_size: int

    def make_runner(self, num_blocks: int) -> ModelRunner:
        """Take the KV cache's memory and return a runner over it."""
        return ModelRunner(self.model, num_blocks, self.device, self.dtype, self.sampled_vocab_size)


def load_shard(
    options: LoadModel, device: str, layout: Layout = WHOLE, reduce: Reduce | None = None
) -> LoadedShard:
    """Load one rank's shard.

    Raises ConfigError, CheckpointError, WeightMismatch; ValueError for options.
    """
    config, dtype = OptConfig.from_directory(options.model), options.dtype
    model = load_model(options.model, config, dtype, device, layout, reduce)
    num_blocks = num_kv_cache_blocks(
        config,
        DTYPES[dtype],
        device,
        max_num_seqs=options.max_num_seqs,
        model_len=config.model_len(options.max_model_len),
        limit_bytes=options.kv_cache_memory_bytes,
        layout=layout,
    )
    return LoadedShard(model, device, DTYPES[dtype], num_blocks, options.sampled_vocab_size)
