"""Measure the engine beside others."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from inference.bench.peer import OTHERS
from inference.commands.reading import positive_int
from inference.config import OptConfig
from inference.plan.shapes import OPT_NAMES, named_config

if TYPE_CHECKING:
    from inference.bench.sections import Options, Results

HELP = (
    "measure the engine beside transformers, ctranslate2 and vLLM, each in an environment of its "
    "own that is made at first (gigabytes); status 1 if a figure is under its bar"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--name", choices=OPT_NAMES, default="opt-125m", help="(opt-125m)")
    parser.add_argument("--model", metavar="DIR", help="a checkpoint, in place of random weights")
    parser.add_argument(
        "--agreement", metavar="DIR", help="a trained model, to hold int8 against float32"
    )
    parser.add_argument("--peers", nargs="*", choices=OTHERS, default=list(OTHERS), help="(all)")
    parser.add_argument("--rounds", type=positive_int, default=3, help="(3)")
    parser.add_argument("--threads", type=positive_int, default=1, help="(1)")
    parser.add_argument("--prompt-tokens", type=positive_int, default=32, help="(32)")
    parser.add_argument("--new-tokens", type=positive_int, default=64, help="(64)")
    parser.add_argument("--concurrency", type=positive_int, nargs="+", default=[1, 8], help="(1 8)")
    parser.add_argument(
        "--requests", type=positive_int, default=64, help="for continuous batching (64)"
    )
    parser.add_argument("--dtypes", nargs="+", help="(float32, int8; bfloat16 if the CPU has it)")
    parser.add_argument("--home", default=".venv-peers", help="environments (.venv-peers)")
    parser.add_argument("--out", metavar="DIR", help="write speed.md, speed.svg and speed.json")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the page, and say with the status whether every bar was kept."""
    from inference.bench.bars import all_bars
    from inference.bench.model import make_model
    from inference.bench.report import as_markdown
    from inference.bench.sections import run_all

    with tempfile.TemporaryDirectory(prefix="wg-bench-") as folder:
        model = Path(arguments.model or folder)
        if arguments.model is None:
            make_model(model, named_config(arguments.name))
        options = _options(arguments, model)
        results = run_all(options, lambda step: print(step, file=sys.stderr, flush=True))
    print(as_markdown(options, results, "speed.svg"))
    if arguments.out:
        _write(Path(arguments.out), options, results)
    return 1 if any(bar.verdict == "MISSED" for bar in all_bars(results, options.config)) else 0


def _options(arguments: argparse.Namespace, model: Path) -> "Options":
    from inference.bench.sections import Options

    return Options(
        model=model,
        config=OptConfig.from_directory(model),
        home=Path(arguments.home).absolute(),
        peers=tuple(arguments.peers),
        dtypes=tuple(arguments.dtypes or _usual_dtypes()),
        rounds=arguments.rounds,
        threads=arguments.threads,
        prompt_tokens=arguments.prompt_tokens,
        new_tokens=arguments.new_tokens,
        concurrencies=tuple(arguments.concurrency),
        requests=arguments.requests,
        agreement_model=Path(arguments.agreement) if arguments.agreement else None,
    )


def _usual_dtypes() -> tuple[str, ...]:
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    fast = "avx512_bf16" in flags or "amx_bf16" in flags
    return ("float32", "bfloat16", "int8") if fast else ("float32", "int8")


def _write(folder: Path, options: "Options", results: "Results") -> None:
    from inference.bench.report import as_chart, as_data, as_markdown

    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(as_data(options, results), indent=2) + "\n"
    for name, text in {
        "speed.md": as_markdown(options, results, "speed.svg"),
        "speed.svg": as_chart(results),
        "speed.json": data,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
