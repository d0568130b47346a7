"""Declare the options of a recipe: every value of it can be given."""

import argparse
from typing import TYPE_CHECKING, Any

from inference.commands.prepare import add_preparing_arguments
from inference.commands.reading import number, positive_int, whole_number

if TYPE_CHECKING:
    from inference.training.recipe import RecipeSettings

DTYPES = ("float32", "bfloat16", "float16")
SHARE = number(0, 1)
# name, type, and what the help says; the recipe's own value where none is given
VALUES: tuple[tuple[str, Any, str], ...] = (
    ("tokens", positive_int, "tokens to see in all, for --steps (300 billion)"),
    ("batch-tokens", positive_int, "tokens of a step over all ranks, for --batch"),
    ("batch", positive_int, "sequences of a step over all ranks"),
    ("sequence-length", whole_number(1, 2048), "tokens of a sequence (2048)"),
    ("learning-rate", number(0, 10), "the highest"),
    ("warmup-steps", whole_number(0), "steps until then"),
    ("final-rate-share", SHARE, "of it at the last step (0.1)"),
    ("beta1", number(0, 0.999999), "(0.9)"),
    ("beta2", number(0, 0.999999), "(0.95)"),
    ("weight-decay", number(0, 10), "(0.1)"),
    ("clip-norm", number(1e-6, 1e6), "gradients are cut to this norm (1.0)"),
    ("dropout", SHARE, "(0.1)"),
    ("attention-dropout", SHARE, "(0.1)"),
    ("init-std", number(1e-6, 10), "width of what weights begin as (0.006)"),
    ("layers", positive_int, "the preset's"),
    ("hidden-size", positive_int, "the preset's"),
    ("heads", positive_int, "the preset's"),
    ("ffn-dim", positive_int, "(4 times the hidden size)"),
    ("held-out-windows", positive_int, "sequences to evaluate on (16)"),
)


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare data, the recipe's values, and how a run is spread over ranks."""
    data = parser.add_argument_group("data of a recipe")
    data.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="DATA",
        help="a prepared corpus, or files, folders and patterns to prepare in the run's folder",
    )
    add_preparing_arguments(data)
    values = parser.add_argument_group("values of a recipe", "the preset's where none is given")
    for name, kind, meaning in VALUES:
        values.add_argument(f"--{name}", type=kind, metavar="VALUE", help=meaning)
    values.add_argument("--dtype", choices=DTYPES, help="of the arithmetic (float16)")
    _add_spreading_arguments(parser)


def _add_spreading_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "memory and ranks", "torchrun starts ranks; weights and moments are shared by all of them"
    )
    group.add_argument(
        "--tp",
        "--tensor-parallel-size",
        type=positive_int,
        default=1,
        metavar="RANKS",
        help="tensor ranks, which share each layer (1)",
    )
    group.add_argument(
        "--micro-batch",
        type=positive_int,
        metavar="SEQUENCES",
        help="that a rank computes at once; gradients of all are added up (its whole share)",
    )
    group.add_argument(
        "--recompute",
        action="store_true",
        help="compute layers anew going backward, which takes a third more time and less memory",
    )


def recipe_settings(arguments: argparse.Namespace) -> "RecipeSettings":
    """Return the preset's recipe with the values given. Raises TrainError."""
    from inference.training.recipe import recipe

    names = [name.replace("-", "_") for name, _, _ in VALUES]
    overrides = {name: getattr(arguments, name) for name in (*names, "dtype", "steps", "seed")}
    return recipe(arguments.preset, overrides)
