"""Run as a process of its own: peak of anonymous memory while one rank loads, as JSON.

DIRECTORY WARM_UP DTYPE TENSOR_SIZE PACKED: the warm-up checkpoint is loaded first, so that what
torch and oneDNN take once for themselves is not counted.
"""

import json
import re
import sys
import threading
from pathlib import Path

import torch

from inference.config import OptConfig
from inference.layout import Layout
from inference.linear import Linear, VocabTable
from inference.loader import DTYPES, load_model
from inference.opt import meta_model

_STATUS = Path("/proc/self/status")


def anonymous_bytes() -> int:
    return int(re.search(r"RssAnon:\s+(\d+) kB", _STATUS.read_text())[1]) * 1024


def main() -> None:
    directory, warm_up, dtype, tensor, packed = sys.argv[1:]
    torch.set_num_threads(1)
    layout = Layout(int(tensor))
    load(warm_up, dtype, layout, packed)
    before = peak = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.0005):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    model = load(directory, dtype, layout, packed)
    done.set()
    watcher.join()
    kept, shard = anonymous_bytes() - before, shard_bytes(model.config, dtype, layout)
    print(json.dumps({"peak": peak - before, "kept": kept, "shard": shard}))


def shard_bytes(config, dtype, layout):
    """This rank's parameters in their final form."""
    model = meta_model(config, DTYPES[dtype], layout)
    packable = [m.weight for m in model.modules() if isinstance(m, Linear | VocabTable)]
    saved = 3 * sum(weight.numel() for weight in packable) if dtype == "int8" else 0
    return sum(parameter.nbytes for parameter in model.parameters()) - saved


def load(directory, dtype, layout, packed):
    config = OptConfig.from_directory(directory)
    return load_model(directory, config, dtype, "cpu", layout, packed=packed == "packed")


if __name__ == "__main__":
    main()
