"""Write a checkpoint of any form anew as safetensors that the engine and transformers load."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from inference.commands.reading import (
    add_reading_arguments,
    number,
    read_options,
    whole_number,
)
from inference.errors import CheckpointError
from inference.terminal import counted

if TYPE_CHECKING:
    from inference.checkpoints.convert import Conversion
    from inference.checkpoints.examine import Examination

HELP = (
    "write metaseq's checkpoints (992 raw FSDP shards, model-parallel parts, one file) or "
    "transformers' .bin and safetensors anew as safetensors shards with hashes; started again, an "
    "interrupted run goes on"
)
DTYPES = ("float32", "bfloat16", "float16")
MOST_SHARD_BYTES = 10**15  # no bound of ours: file systems have theirs
SHOWN_AT_MOST = 20  # files that stay behind, in sentences


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", metavar="SRC", help="folder of the files, or one of them")
    parser.add_argument("destination", metavar="DST", help="folder to write; made if need be")
    add_reading_arguments(parser)
    parser.add_argument("--dtype", choices=DTYPES, help="(each weight's own)")
    parser.add_argument(
        "--max-shard-bytes",
        type=whole_number(1, MOST_SHARD_BYTES),
        default=2_000_000_000,
        metavar="BYTES",
        help="(2 GB)",
    )
    parser.add_argument("--dry-run", action="store_true", help="check and tell, writing nothing")
    parser.add_argument("--json", action="store_true", help="tell as JSON")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.add_argument(
        "--skip-crc", action="store_true", help="don't hold the source's bytes against their CRCs"
    )
    parser.add_argument(
        "--tolerance",
        type=number(0, 1e9),
        default=0.0,
        help="how far copies of one weight in several parts may differ; the first is taken (0)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, or print what would be done. Raises InferenceError naming all that is wrong."""
    import torch

    from inference.checkpoints.convert import ConvertOptions, convert, examine_numbers, prepare

    options = ConvertOptions(
        read_options(arguments, tolerance=arguments.tolerance),
        dtype=getattr(torch, arguments.dtype) if arguments.dtype else None,
        max_shard_bytes=arguments.max_shard_bytes,
        check_crc=not arguments.skip_crc,
    )
    conversion = prepare(Path(arguments.source), Path(arguments.destination), options)
    summary = _summary(conversion)
    with _progress(conversion, shown=not arguments.no_progress) as advance, _goes_on(conversion):
        if arguments.dry_run:
            summary |= _examined(examine_numbers(conversion, advance))
        else:
            result = convert(conversion, advance)
            summary |= _examined(result.examination)
            summary |= {"written": result.written, "kept": result.kept}
    print(json.dumps(summary, indent=2) if arguments.json else _sentences(summary))
    return 0


@contextmanager
def _goes_on(conversion: "Conversion") -> Iterator[None]:
    """Say how to go on after Ctrl-C, SIGTERM or a file that can't be written."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    again = "started again with the same words, it goes on"
    try:
        yield
    except KeyboardInterrupt:
        print(f"{conversion.destination} isn't done: {again}", file=sys.stderr)
        raise
    except OSError as error:
        raise CheckpointError(
            f"{error.filename or conversion.destination}: {error.strerror or error}; once that is "
            f"mended, {again}"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _progress(conversion: "Conversion", *, shown: bool) -> Iterator[Callable[[str, int], None]]:
    from tqdm import tqdm

    totals = {"checked": conversion.source_bytes, "written": conversion.total_bytes}
    bars: dict[str, tqdm[None]] = {}

    def advance(phase: str, size: int) -> None:
        if phase not in bars:
            for before in bars.values():
                before.close()
            bars[phase] = tqdm(
                desc=phase, total=totals[phase], unit="B", unit_scale=True, disable=not shown,
                file=sys.stderr,
            )  # fmt: skip
        bars[phase].update(size)

    try:
        yield advance
    finally:
        for bar in bars.values():
            bar.close()


def _summary(conversion: "Conversion") -> dict[str, object]:
    form, shards = conversion.source.form, conversion.shards
    companions = conversion.companions
    return {
        "form": form.kind,
        "source_files": len(form.files),
        "source_bytes": conversion.source_bytes,
        "destination": str(conversion.destination),
        "shards": len(shards),
        "tensors": sum(len(layout) for layout in shards.values()),
        "bytes": conversion.total_bytes,
        "tokenizer": companions.tokenizer.how,
        "changed": conversion.changed,
        "made": conversion.made,
        "copied": conversion.copied,
        "left": companions.left,
    }


def _examined(examination: "Examination | None") -> dict[str, object]:
    """Return the findings to tell; none of a source that was examined before."""
    if examination is None:
        return {}
    rounding = examination.rounding
    loss = {} if rounding is None else {"rounding": asdict(rounding)}
    return {"unusual": examination.unusual, **loss}


def _sentences(summary: dict[str, Any]) -> str:
    from inference.checkpoints.sources.forms import MEANINGS

    lines = [
        f"{counted(summary['source_files'], 'file')} ({MEANINGS[summary['form']]}), "
        f"{summary['source_bytes']:,} bytes",
        f"{counted(summary['tensors'], 'tensor')}, {summary['bytes']:,} bytes, in "
        f"{counted(summary['shards'], 'shard')} in {summary['destination']}",
        f"tokenizer: {summary['tokenizer']}",
        *(f"changed: {sentence}" for sentence in summary["changed"]),
        *_lists(summary),
        *(f"look at: {sentence}" for sentence in summary.get("unusual", [])),
    ]
    if "rounding" in summary:
        lines.append(_lost(summary["rounding"]))
    if "written" in summary:
        written = counted(summary["written"], "shard")
        lines.append(f"{written} written; {summary['kept']} kept, whose hashes are right")
    else:
        lines.append("nothing was written (--dry-run)")
    return "\n".join(lines)


def _lists(summary: dict[str, Any]) -> list[str]:
    lines = []
    for key, label in (("made", "made"), ("copied", "copied"), ("left", "left behind")):
        names = summary[key]
        more = len(names) - SHOWN_AT_MOST
        shown = names[:SHOWN_AT_MOST] + [f"and {more} more"] * (more > 0)
        lines += [f"{label}: {', '.join(shown)}"] * bool(names)
    return lines


def _lost(rounding: dict[str, Any]) -> str:
    return (
        f"rounded by at most {rounding['relative_error']:.2g} of a tensor's largest number (in "
        f"{rounding['tensor']}); {rounding['vanished']:,} of {rounding['numbers']:,} numbers "
        "became 0"
    )
