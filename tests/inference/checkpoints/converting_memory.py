"""Run as a process of its own: peak of anonymous memory while converting, as JSON.

SOURCE DESTINATION WARM_UP [DTYPE]: the warm-up is converted first, so that what torch takes once
for itself is not counted.
"""

import json
import sys
from pathlib import Path

import torch

from inference.checkpoints.convert import Conversion, ConvertOptions, convert, prepare
from inference.checkpoints.sources.stored import count
from tests.inference.peak_memory import peak_of


def main() -> None:
    source, destination, warm_up = map(Path, sys.argv[1:4])
    dtype = getattr(torch, sys.argv[4]) if len(sys.argv) > 4 else None
    _convert(warm_up, destination / "warm-up", dtype)
    conversion, peak = peak_of(lambda: _convert(source, destination / "out", dtype))
    sizes = [
        count(shape) * dtype.itemsize
        for layout in conversion.shards.values()
        for dtype, shape in layout.values()
    ]
    print(json.dumps({"peak": peak, "largest": max(sizes), "total": sum(sizes)}))


def _convert(source: Path, destination: Path, dtype: torch.dtype | None) -> Conversion:
    conversion = prepare(source, destination, ConvertOptions(dtype=dtype))
    convert(conversion, lambda *_: None)
    return conversion


if __name__ == "__main__":
    main()
