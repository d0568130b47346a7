"""Train a small OPT on the standard library's sources."""

import argparse
from dataclasses import replace
from pathlib import Path

from inference import energy
from inference.energy import EnergyInputs
from inference.settings import PRESETS, TrainSettings

HELP = (
    "train a small OPT on the standard library's sources, keeping a logbook; "
    "started again on the same folder, an interrupted run goes on"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to train into")
    parser.add_argument(
        "--preset", choices=list(PRESETS), default="demo", help="tiny is for tests (demo)"
    )
    parser.add_argument("--steps", type=int, help="the schedule's length (the preset's)")
    parser.add_argument("--seed", type=int, default=0, help="(0)")
    parser.add_argument("--resume", action="store_true", help="fail if there is no checkpoint")
    parser.add_argument("--checkpoint-every", type=int, default=50, metavar="STEPS", help="(50)")
    parser.add_argument("--log-every", type=int, default=10, metavar="STEPS", help="(10)")
    parser.add_argument("--shards", type=int, default=2, help="weight files at least (2)")
    parser.add_argument("--max-shard-bytes", type=int, default=2_000_000_000, help="(2 GB)")
    parser.add_argument("--threads", type=int, help="torch's threads (all processors)")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    _add_energy_arguments(parser)


def _add_energy_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("energy estimate", "inputs, and where they are from in words")
    group.add_argument("--watts", type=float, default=energy.ASSUMED_WATTS, help="per device (65)")
    group.add_argument("--watts-source", default=energy.WATTS_SOURCE, metavar="TEXT")
    group.add_argument("--pue", type=float, default=energy.ASSUMED_PUE, help="(1.1)")
    group.add_argument("--pue-source", default=energy.PUE_SOURCE, metavar="TEXT")
    group.add_argument(
        "--kg-per-kwh", type=float, default=energy.ASSUMED_KG_PER_KWH, help="of the grid (0.385)"
    )
    group.add_argument("--grid-source", default=energy.GRID_SOURCE, metavar="TEXT")


def run(arguments: argparse.Namespace) -> int:
    """Train to the end."""
    settings = _settings(arguments)
    counts = (arguments.checkpoint_every, arguments.log_every, arguments.shards)
    if min(*counts, arguments.max_shard_bytes, arguments.threads or 1) < 1:
        raise ValueError("counts of steps, shards, bytes and threads must be 1 or more")
    inputs = EnergyInputs(
        watts_per_device=arguments.watts,
        pue=arguments.pue,
        kg_per_kwh=arguments.kg_per_kwh,
        watts_source=arguments.watts_source,
        pue_source=arguments.pue_source,
        grid_source=arguments.grid_source,
    )
    energy.estimate_energy(0, inputs)  # refuses bad inputs before hours are spent
    from inference.train import TrainOptions, train, use_threads

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
    )
    train(settings, options, _say)
    return 0


def _settings(arguments: argparse.Namespace) -> TrainSettings:
    settings = replace(PRESETS[arguments.preset], seed=arguments.seed)
    if arguments.steps is None:
        return settings
    if arguments.steps < 1:
        raise ValueError("--steps must be 1 or more")
    return replace(settings, steps=arguments.steps)


def _say(sentence: str) -> None:
    print(sentence, flush=True)
