"""The model under measurement: a published shape with random weights, made on the spot."""

import random
from pathlib import Path

import torch

from inference.config import OptConfig
from inference.model.export import export_model
from inference.model.opt import empty_model, initialise

POSITIONS = "model.decoder.embed_positions.weight"
SEED = 0
STD = 0.06  # and for positions too: smaller weights make a model that repeats one token for ever


def make_model(directory: Path, config: OptConfig) -> None:
    """Write it, unless it lies there whole."""
    if (directory / "config.json").is_file() and OptConfig.from_directory(directory) == config:
        return
    directory.mkdir(parents=True, exist_ok=True)
    model = empty_model(config, torch.float32, "cpu")
    initialise(model, SEED, STD)
    weights = model.weights()
    generator = torch.Generator().manual_seed(SEED + 1)
    weights[POSITIONS].normal_(0.0, STD, generator=generator)
    export_model(directory, config, weights, shards=1)


def make_prompts(config: OptConfig, count: int, length: int, seed: int = SEED) -> list[list[int]]:
    """count prompts of length ids, each begun as OPT's texts are."""
    draw = random.Random(seed)
    return [
        [2, *(draw.randrange(4, config.vocab_size) for _ in range(length - 1))]
        for _ in range(count)
    ]
