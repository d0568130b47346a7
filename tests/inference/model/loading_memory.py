"""Run as a process of its own: peak of anonymous memory while one rank loads, as JSON.

DIRECTORY WARM_UP DTYPE TENSOR_SIZE PACKED: the warm-up checkpoint is loaded first, so that what
torch and oneDNN take once for themselves is not counted.
"""

import ctypes
import json
import sys

import torch

from inference.config import OptConfig
from inference.model.layout import Layout
from inference.model.linear import Linear, VocabTable
from inference.model.loader import DTYPES, load_model
from inference.model.opt import meta_model
from tests.inference.peak_memory import peak_of


def main() -> None:
    directory, warm_up, dtype, tensor, packed = sys.argv[1:]
    torch.set_num_threads(1)
    layout = Layout(int(tensor))
    load(warm_up, dtype, layout, packed)
    ctypes.CDLL(None).malloc_trim(0)  # what is free already would be used again, and not be seen
    model, peak = peak_of(lambda: load(directory, dtype, layout, packed))
    print(json.dumps({"peak": peak, "shard": shard_bytes(model.config, dtype, layout)}))


def shard_bytes(config, dtype, layout):
    """Return this rank's parameters in their final form."""
    model = meta_model(config, DTYPES[dtype], layout)
    packable = [m.weight for m in model.modules() if isinstance(m, Linear | VocabTable)]
    saved = 3 * sum(weight.numel() for weight in packable) if dtype == "int8" else 0
    return sum(parameter.nbytes for parameter in model.parameters()) - saved


def load(directory, dtype, layout, packed):
    config = OptConfig.from_directory(directory)
    return load_model(directory, config, dtype, "cpu", layout, packed=packed == "packed")


if __name__ == "__main__":
    main()
