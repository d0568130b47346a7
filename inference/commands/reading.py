"""Arguments that several commands share: numbers in a range, ranks, and others' checkpoints."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inference.config import OptConfig
from inference.errors import ConfigError
from inference.model_files.config_checks import FILE_NAME
from inference.model_files.json_files import read_object
from inference.plan.shapes import OPT_NAMES, named_config

if TYPE_CHECKING:
    from inference.checkpoints.sources.source import ReadOptions

MOST = 10**9  # of what is counted, where nothing else bounds it
SHOWN_AT_MOST = 40  # characters of a value that is refused


def whole_number(least: int, most: int = MOST) -> Callable[[str], int]:
    """Make an argparse type that takes whole numbers from least to most.

    argparse then ends with status 2, the usage and a line that names the option and the range.
    """

    def parse(text: str) -> int:
        return int(_within(text, int, least, most, "a whole number"))

    return parse


positive_int = whole_number(1)


def number(least: float, most: float) -> Callable[[str], float]:
    """Make an argparse type that takes finite numbers from least to most; see whole_number."""

    def parse(text: str) -> float:
        return float(_within(text, float, least, most, "a number"))

    return parse


def _within(
    text: str, convert: Callable[[str], float], least: float, most: float, kind: str
) -> float:
    try:
        value = convert(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:  # so too for NaN
        raise argparse.ArgumentTypeError(
            f"must be {kind} from {least} to {most}, not {shown(text)}"
        )
    return value


def shown(text: str) -> str:
    """Return a value that is refused in quotes, cut to a readable length."""
    return repr(text if len(text) <= SHOWN_AT_MOST else f"{text[:SHOWN_AT_MOST]}…")


def add_rank_arguments(parser: argparse.ArgumentParser, *, bound: str = "") -> None:
    """Declare over how many ranks the engine is to run, as ``tp``, ``pp`` and ``rank_timeout``.

    bound: what the help says of a number of ranks that is cut.
    """
    parser.add_argument(
        "--tp",
        "--tensor-parallel-size",
        type=positive_int,
        default=1,
        metavar="RANKS",
        help=f"tensor ranks, which share each layer{bound} (1)",
    )
    parser.add_argument(
        "--pp",
        "--pipeline-parallel-size",
        type=positive_int,
        default=1,
        metavar="RANKS",
        help=f"pipeline ranks, which hold layers one after another{bound} (1)",
    )
    parser.add_argument(
        "--rank-timeout",
        type=number(1, 86_400),
        default=120.0,
        metavar="SECONDS",
        help="how long ranks wait for each other within a step (120)",
    )


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
    """Return what the arguments ask for. Raises ConfigError."""
    from inference.checkpoints.sources.source import ReadOptions

    config, path = _config(arguments.config)
    return ReadOptions(
        config=config,
        config_path=path,
        inert=tuple(arguments.inert),
        assume_order=arguments.assume_order,
        tolerance=tolerance,
    )


def _config(given: str | None) -> tuple[OptConfig | None, Path | None]:
    """Return the shape, and the file that says it, if one does."""
    if given is None or given in OPT_NAMES:
        return None if given is None else named_config(given), None
    path = Path(given) / FILE_NAME if Path(given).is_dir() else Path(given)
    return OptConfig.from_dict(read_object(path, ConfigError)), path
