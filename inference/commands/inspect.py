"""Show what a checkpoint holds, from headers alone unless hashes are asked for."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from inference.commands.reading import add_reading_arguments, read_options
from inference.terminal import counted

HELP = (
    "list a checkpoint's tensors, their shapes, sizes and totals, and its config; safetensors, "
    ".bin and metaseq's forms"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="checkpoint folder, or one of its files")
    parser.add_argument("--sha256", action="store_true", help="each tensor's hash; reads all bytes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    add_reading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the listing; status 1 if something in it is wrong."""
    from tqdm import tqdm

    from inference.checkpoints.listing import list_checkpoint

    shown = arguments.sha256 and not arguments.no_progress
    with tqdm(unit="B", unit_scale=True, disable=not shown, file=sys.stderr) as bar:
        listing = list_checkpoint(
            Path(arguments.directory),
            read_options(arguments),
            hashed=arguments.sha256,
            advance=lambda size: bar.update(size) and None,
        )
    fields = listing.as_dict()
    print(json.dumps(fields, indent=2) if arguments.json else _table(fields))
    return 1 if listing.faults else 0


def _table(fields: dict[str, Any]) -> str:
    from inference.checkpoints.sources.forms import MEANINGS

    files = fields["files"]
    lines = [f"{name}: {value}" for name, value in (fields["config"] or {}).items()]
    lines += ["", *_rows(fields["tensors"])]
    lines += [*(f"{alias}  is {name}" for alias, name in fields["aliases"].items()), ""]
    dtypes = ", ".join(f"{count} {dtype}" for dtype, count in fields["dtypes"].items())
    lines += [
        f"{MEANINGS[fields['form']]}: {counted(len(files), 'file')}, {fields['file_bytes']:,} bytes"
        + (f", {fields['model_parallel_parts']} parts" * (fields["model_parallel_parts"] > 1)),
        f"{counted(len(fields['tensors']), 'tensor')} ({dtypes}), {fields['bytes']:,} bytes",
        f"{fields['parameters']:,} parameters",
        *(f"wrong: {fault}" for fault in fields["faults"]),
    ]
    return "\n".join(lines)


def _rows(tensors: list[dict[str, Any]]) -> list[str]:
    width = max((len(tensor["name"]) for tensor in tensors), default=0)
    return [
        f"{tensor['name']:<{width}}  {tensor['dtype']:<5} "
        f"{'x'.join(map(str, tensor['shape'])):>12}  {_where(tensor)}"
        + (f"  {tensor['sha256']}" if tensor["sha256"] else "")
        for tensor in tensors
    ]


def _where(tensor: dict[str, Any]) -> str:
    return str(tensor["file"]) if tensor["files"] == 1 else f"in {tensor['files']} files"
