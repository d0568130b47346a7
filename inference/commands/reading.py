"""Arguments of all commands that read others' checkpoints."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from inference.config import OptConfig
from inference.shapes import OPT_NAMES, named_config

if TYPE_CHECKING:
    from inference.checkpoints.source import ReadOptions


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --config, and what is not done unless it is asked for."""
    parser.add_argument(
        "--config",
        metavar="SHAPE",
        help="config.json, its folder, or a published name such as opt-175b (what the files say)",
    )
    parser.add_argument(
        "--assume-order",
        action="store_true",
        help="cut flat parameters that lack shard_metadata as metaseq's modules register them",
    )
    parser.add_argument(
        "--inert",
        action="append",
        default=[],
        metavar="CLASS",
        help="a further class in the pickles to be held as data; repeatable",
    )


def read_options(arguments: argparse.Namespace, *, tolerance: float = 0.0) -> "ReadOptions":
    """What the arguments ask for. Raises ConfigError."""
    from inference.checkpoints.source import ReadOptions

    return ReadOptions(
        config=_config(arguments.config),
        inert=tuple(arguments.inert),
        assume_order=arguments.assume_order,
        tolerance=tolerance,
    )


def _config(given: str | None) -> OptConfig | None:
    if given is None:
        return None
    if given in OPT_NAMES:
        return named_config(given)
    path = Path(given)
    return OptConfig.from_directory(path.parent if path.name == "config.json" else path)
