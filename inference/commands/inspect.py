"""Show what a checkpoint holds, from headers alone."""

import argparse
import json
import math
from collections import Counter
from typing import Any

from inference.config import OptConfig

HELP = "list a checkpoint's tensors, their shapes and totals, and its config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="checkpoint directory")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the listing."""
    from inference.weight_files import list_weights

    config = OptConfig.from_directory(arguments.directory)
    weights = sorted(list_weights(arguments.directory), key=lambda weight: weight.name)
    tensors = [
        {
            "name": weight.name,
            "shape": list(weight.shape),
            "dtype": weight.dtype,
            "file": weight.path.name,
        }
        for weight in weights
    ]
    found = {
        "config": config.to_dict(),
        "tensors": tensors,
        "parameters": sum(math.prod(weight.shape) for weight in weights),
        "dtypes": dict(Counter(weight.dtype for weight in weights)),
        "files": sorted({weight.path.name for weight in weights}),
    }
    print(json.dumps(found, indent=2) if arguments.json else _table(found))
    return 0


def _table(found: dict[str, Any]) -> str:
    width = max((len(tensor["name"]) for tensor in found["tensors"]), default=0)
    lines = [f"{name}: {value}" for name, value in found["config"].items()]
    lines.append("")
    lines += [
        f"{tensor['name']:<{width}}  {tensor['dtype']:<5} "
        f"{'x'.join(map(str, tensor['shape'])):>12}  {tensor['file']}"
        for tensor in found["tensors"]
    ]
    dtypes = ", ".join(f"{count} {dtype}" for dtype, count in found["dtypes"].items())
    lines += ["", f"{len(found['tensors'])} tensors ({dtypes}) in {len(found['files'])} files"]
    return "\n".join([*lines, f"{found['parameters']:,} parameters"])
