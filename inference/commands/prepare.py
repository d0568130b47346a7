"""Tokenize files once, for runs of the trainer to map into memory."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from inference.commands.reading import number, whole_number
from inference.terminal import say

if TYPE_CHECKING:
    from inference.training.corpus.prepare import PrepareOptions

HELP = (
    "tokenize text, JSON Lines and Parquet, plain or compressed, into a corpus that `train --data` "
    "maps into memory"
)
LEAST_VOCAB = 260  # every byte, and OPT's four special tokens
MOST_VOCAB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "data", nargs="+", metavar="DATA", help="files, folders, or patterns in quotes"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the corpus")
    add_preparing_arguments(parser)


def add_preparing_arguments(parser: argparse._ActionsContainer) -> None:
    """Declare what decides the tokens of a corpus."""
    parser.add_argument(
        "--field", default="text", metavar="NAME", help="of JSON Lines and Parquet (text)"
    )
    parser.add_argument(
        "--tokenizer", metavar="DIR", help="a folder with tokenizer.json, or vocab and merges"
    )
    parser.add_argument(
        "--vocab-size",
        type=whole_number(LEAST_VOCAB, MOST_VOCAB),
        default=50_272,
        help="of a tokenizer that is trained on the data, without --tokenizer (50272)",
    )
    parser.add_argument(
        "--held-out-share",
        type=number(0, 0.5),
        default=0.005,
        metavar="SHARE",
        help="of the documents, chosen by their digests (0.005)",
    )


def preparing_options(arguments: argparse.Namespace) -> "PrepareOptions":
    """Return what the arguments ask for."""
    from inference.training.corpus.prepare import PrepareOptions

    return PrepareOptions(
        None if arguments.tokenizer is None else Path(arguments.tokenizer),
        arguments.vocab_size,
        arguments.held_out_share,
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare the corpus. Raises TrainError saying what to do."""
    from inference.training.corpus.prepare import prepare
    from inference.training.corpus.sources import find_sources
    from inference.training.folder_lock import hold_folder

    out = Path(arguments.out)
    with hold_folder(out, say):
        sources = find_sources(arguments.data, arguments.field)
        prepare(sources, preparing_options(arguments), out, say)
    return 0
