"""Train an OPT: a small one on the standard library's sources, or OPT's recipe on any data."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inference.commands.dry_run import add_dry_run_arguments, dry_run
from inference.commands.prepare import preparing_options
from inference.commands.reading import number, positive_int, whole_number
from inference.commands.recipe_options import add_recipe_arguments, recipe_settings
from inference.errors import TrainError
from inference.plan import energy
from inference.plan.energy import EnergyInputs
from inference.plan.gpus import GPUS
from inference.plan.shapes import OPT_NAMES
from inference.terminal import say
from inference.training.recipe import RecipeSettings
from inference.training.settings import PRESETS

if TYPE_CHECKING:
    from inference.training.train import Settings

HELP = (
    "train an OPT on the standard library's sources, or by OPT's recipe on data of one's own, "
    "keeping a logbook; started again on the same folder, an interrupted run goes on"
)

EPILOG = (
    "Ctrl-C and the signals TERM, HUP, USR1 and USR2 stop it after the step at hand, with a "
    "checkpoint; a second one, more than a second later, without."
)
LARGEST = LARGEST_SEED = 2**63 - 1  # as far as torch's seeds and JSON's readers go
FEW_THREADS = 64
LONGEST_TEXT = 1000  # characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("--out", type=_text, metavar="DIR", help="folder to train into")
    parser.add_argument(
        "--preset",
        choices=[*PRESETS, *OPT_NAMES],
        default="demo",
        metavar="NAME",
        help=f"demo, tiny (for tests), or a recipe for --data: {', '.join(OPT_NAMES)} (demo)",
    )
    parser.add_argument("--steps", type=positive_int, help="the schedule's length (the preset's)")
    parser.add_argument("--seed", type=whole_number(0, LARGEST_SEED), default=0, help="(0)")
    parser.add_argument("--resume", action="store_true", help="fail if there is no checkpoint")
    parser.add_argument(
        "--checkpoint-every", type=positive_int, default=50, metavar="STEPS", help="(50)"
    )
    parser.add_argument("--log-every", type=positive_int, default=10, metavar="STEPS", help="(10)")
    parser.add_argument("--shards", type=positive_int, default=2, help="weight files at least (2)")
    parser.add_argument(
        "--max-shard-bytes", type=whole_number(1, LARGEST), default=2_000_000_000, help="(2 GB)"
    )
    parser.add_argument(
        "--threads", type=whole_number(1, _most_threads()), help="torch's threads (all processors)"
    )
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    add_recipe_arguments(parser)
    add_dry_run_arguments(parser)
    _add_energy_arguments(parser)


def _add_energy_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("energy estimate", "inputs, and where they are from in words")
    group.add_argument(
        "--watts",
        type=number(0, 1e6),
        help="per device (65; the GPU's limit in a dry run)",
    )
    group.add_argument("--watts-source", type=_text, default=energy.WATTS_SOURCE, metavar="TEXT")
    group.add_argument("--pue", type=number(1, 100), default=energy.ASSUMED_PUE, help="(1.1)")
    group.add_argument("--pue-source", type=_text, default=energy.PUE_SOURCE, metavar="TEXT")
    group.add_argument(
        "--kg-per-kwh",
        type=number(0, 100),
        default=energy.ASSUMED_KG_PER_KWH,
        help="of the grid (0.385)",
    )
    group.add_argument("--grid-source", type=_text, default=energy.GRID_SOURCE, metavar="TEXT")


def _most_threads() -> int:
    """Return a bound under which every system starts its threads, whatever its processors."""
    return max(FEW_THREADS, os.cpu_count() or 1)


def _text(given: str) -> str:
    """Take UTF-8, as files of JSON and Rust's libraries want it, of a length that is published."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("must be UTF-8") from None
    if not 0 < len(given) <= LONGEST_TEXT:
        raise argparse.ArgumentTypeError(f"must be text of 1 to {LONGEST_TEXT} characters")
    return given


def run(arguments: argparse.Namespace) -> int:
    """Train to the end. Raises TrainError saying what to do, and Stopped."""
    settings = _settings(arguments)
    inputs = EnergyInputs(
        watts_per_device=_watts(arguments),
        pue=arguments.pue,
        kg_per_kwh=arguments.kg_per_kwh,
        watts_source=arguments.watts_source,
        pue_source=arguments.pue_source,
        grid_source=arguments.grid_source,
    )
    if arguments.dry_run:
        if not isinstance(settings, RecipeSettings):
            raise TrainError("--dry-run plans a recipe, such as --preset opt-125m")
        return dry_run(settings, arguments, inputs)
    if arguments.out is None:
        raise TrainError("give --out, the folder to train into")
    from inference.training.data import DataOptions
    from inference.training.train import TrainOptions, train, use_threads

    use_threads(arguments.threads)
    options = TrainOptions(
        out=Path(arguments.out),
        shards=arguments.shards,
        max_shard_bytes=arguments.max_shard_bytes,
        checkpoint_every=arguments.checkpoint_every,
        log_every=arguments.log_every,
        progress_bar=not arguments.no_progress,
        must_resume=arguments.resume,
        energy=inputs,
        data=DataOptions(
            arguments.data, arguments.field, preparing_options(arguments), arguments.micro_batch
        ),
        tensor_size=arguments.tp,
        recompute=arguments.recompute,
    )
    train(settings, options, say)
    return 0


def _watts(arguments: argparse.Namespace) -> float:
    """Return the watts given, or the limit of the GPU that is planned for."""
    if arguments.watts is not None:
        return float(arguments.watts)
    known = GPUS.get(arguments.gpu) if arguments.dry_run else None
    return energy.ASSUMED_WATTS if known is None or known.watts is None else known.watts


def _settings(arguments: argparse.Namespace) -> "Settings":
    if arguments.preset not in PRESETS:
        return recipe_settings(arguments)
    settings = replace(PRESETS[arguments.preset], seed=arguments.seed)
    return settings if arguments.steps is None else replace(settings, steps=arguments.steps)
