"""Make a checkpoint that the engine and transformers load out of metaseq's or .bin files."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inference.commands.reading import add_reading_arguments, read_options

if TYPE_CHECKING:
    from inference.checkpoints.convert import Conversion

HELP = (
    "write metaseq's checkpoints (992 raw FSDP shards, model-parallel parts, one file) or "
    "transformers' .bin files anew as safetensors; started again, an interrupted run goes on"
)
DTYPES = ("float32", "bfloat16", "float16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", metavar="SRC", help="folder of the files, or one of them")
    parser.add_argument("destination", metavar="DST", help="folder to write; made if need be")
    add_reading_arguments(parser)
    parser.add_argument("--dtype", choices=DTYPES, help="(each weight's own)")
    parser.add_argument(
        "--max-shard-bytes", type=int, default=2_000_000_000, metavar="BYTES", help="(2 GB)"
    )
    parser.add_argument("--dry-run", action="store_true", help="check and tell, writing nothing")
    parser.add_argument("--json", action="store_true", help="tell as JSON")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.add_argument(
        "--skip-crc", action="store_true", help="don't read the source once more against its CRCs"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="how far copies of one weight in several parts may differ; the first is taken (0)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, or tell what would be. Raises InferenceError with all that is wrong."""
    import torch

    from inference.checkpoints.convert import ConvertOptions, convert, prepare

    options = ConvertOptions(
        read_options(arguments, tolerance=arguments.tolerance),
        dtype=getattr(torch, arguments.dtype) if arguments.dtype else None,
        max_shard_bytes=arguments.max_shard_bytes,
        check_crc=not arguments.skip_crc,
    )
    conversion = prepare(Path(arguments.source), Path(arguments.destination), options)
    told = _told(conversion)
    if not arguments.dry_run:
        with _progress(conversion, shown=not arguments.no_progress) as advance:
            outcome = convert(conversion, advance)
        told |= {"written": outcome.written, "kept": outcome.kept}
    print(json.dumps(told, indent=2) if arguments.json else _sentences(told))
    return 0


@contextmanager
def _progress(conversion: "Conversion", *, shown: bool) -> Iterator[Callable[[str, int], None]]:
    from tqdm import tqdm

    totals = {"checked": conversion.source_bytes, "written": conversion.total_bytes}
    bars: dict[str, tqdm[None]] = {}

    def advance(what: str, size: int) -> None:
        if what not in bars:
            for before in bars.values():
                before.close()
            bars[what] = tqdm(
                desc=what, total=totals[what], unit="B", unit_scale=True, disable=not shown,
                file=sys.stderr,
            )  # fmt: skip
        bars[what].update(size)

    try:
        yield advance
    finally:
        for bar in bars.values():
            bar.close()


def _told(conversion: "Conversion") -> dict[str, object]:
    form, shards = conversion.source.form, conversion.shards
    return {
        "form": form.kind,
        "source_files": len(form.files),
        "source_bytes": conversion.source_bytes,
        "destination": str(conversion.destination),
        "shards": len(shards),
        "tensors": sum(len(layout) for layout in shards.values()),
        "bytes": conversion.total_bytes,
    }


def _sentences(told: dict[str, object]) -> str:
    from inference.checkpoints.forms import MEANINGS

    lines = [
        f"{told['source_files']} files ({MEANINGS[str(told['form'])]}), "
        f"{told['source_bytes']:,} bytes",
        f"{told['tensors']} tensors, {told['bytes']:,} bytes, in {told['shards']} shards "
        f"in {told['destination']}",
    ]
    if "written" in told:
        lines.append(f"{told['written']} shards written; {told['kept']} lay there and are right")
    else:
        lines.append("nothing was written (--dry-run)")
    return "\n".join(lines)
