"""Name the weights and shapes that a config's checkpoint must hold."""

import torch

from inference.config import OptConfig
from inference.model.opt import empty_model


def expected_shapes(config: OptConfig) -> dict[str, tuple[int, ...]]:
    """Return every weight's name and shape in the model, without taking memory."""
    weights = empty_model(config, torch.float16, "meta").weights()
    return {name: tuple(weight.shape) for name, weight in weights.items()}
