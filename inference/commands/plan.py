"""Say whether a model fits some GPUs."""

import argparse
import json

from inference.config import OptConfig
from inference.plan import DTYPE_BYTES, NAMES, Machine, Plan, named_config, plan

HELP = "say whether a model fits some GPUs, and how many tokens their cache would hold"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", metavar="DIR", help="directory with config.json")
    which.add_argument("--name", help=f"a published shape: {', '.join(NAMES)}")
    parser.add_argument("--gpus", type=int, required=True, help="number of GPUs")
    parser.add_argument("--gpu-memory-gib", type=float, required=True, help="memory of each")
    parser.add_argument("--dtype", default="float16", choices=list(DTYPE_BYTES), help="(float16)")
    parser.add_argument("--tp", type=int, help="tensor ranks (GPUs over pipeline ranks)")
    parser.add_argument("--pp", type=int, default=1, help="pipeline ranks (1)")
    parser.add_argument("--json", action="store_true", help="print JSON, sizes in bytes")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; status 0 if it fits, 1 if it does not."""
    if arguments.model is not None:
        config = OptConfig.from_directory(arguments.model)
    else:
        config = named_config(arguments.name)
    tensor = arguments.tp or max(arguments.gpus // max(arguments.pp, 1), 1)
    machine = Machine(arguments.gpus, arguments.gpu_memory_gib, tensor, arguments.pp)
    made = plan(config, machine, arguments.dtype)
    print(json.dumps(made.as_dict(), indent=2) if arguments.json else _table(made))
    return 0 if made.fits else 1


def _table(made: Plan) -> str:
    rows = [
        ("fits", "yes" if made.fits else "no"),
        *(("because", reason) for reason in made.reasons),
        ("parameters", f"{made.parameters:,}"),
        ("weights", f"{made.weight_bytes / 1e9:,.1f} GB"),
        ("weights per GPU", f"{made.weight_bytes_per_gpu / 1e9:,.1f} GB"),
        ("usable memory", f"{made.usable_bytes / 1e9:,.1f} GB"),
        ("cache per token", f"{made.kv_bytes_per_token:,} bytes"),
        ("cache room", f"{max(made.kv_room_bytes, 0) / 1e9:,.1f} GB"),
        ("cache room", f"{made.kv_room_tokens:,} tokens"),
        ("full sequences", f"{made.full_sequences}"),
    ]
    return "\n".join(f"{name:<16} {value}" for name, value in rows)
