"""One rank's share of an engine: its part of the model, and the room for its cache."""

from dataclasses import dataclass

import torch

from inference.config import OptConfig
from inference.distributed.messages import Load
from inference.engine.model_runner import Runner, cache_blocks
from inference.model.layout import WHOLE, Layout
from inference.model.loader import DTYPES, load_model
from inference.model.opt import OptModel, Reduce


@dataclass(frozen=True)
class Share:
    """A loaded part, not yet with a cache; blocks: how many there is room for."""

    model: OptModel
    device: str
    dtype: torch.dtype
    blocks: int
    drawable: int

    def runner(self, blocks: int) -> Runner:
        """Take the cache's memory."""
        return Runner(self.model, blocks, self.device, self.dtype, self.drawable)


def load_share(
    load: Load, device: str, layout: Layout = WHOLE, reduce: Reduce | None = None
) -> Share:
    """Raises ConfigError, CheckpointError, WeightMismatch; ValueError for options."""
    config, dtype = OptConfig.from_directory(load.model), load.dtype
    model = load_model(load.model, config, dtype, device, layout, reduce)
    blocks = cache_blocks(
        config,
        DTYPES[dtype],
        device,
        seqs=load.max_num_seqs,
        model_len=config.model_len(load.max_model_len),
        limit=load.kv_cache_memory_bytes,
        layout=layout,
    )
    return Share(model, device, DTYPES[dtype], blocks, load.drawable)
