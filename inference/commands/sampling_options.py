"""Read sampling options for ``generate``, named as in vLLM, and a folder's defaults.

An option given on the command line wins. All others are as transformers' ``generate`` has them, by
the folder's generation_config.json.
"""

import argparse
import math
import sys
from collections.abc import Callable, Container
from typing import Any

from inference.commands.reading import MOST, number, shown, whole_number
from inference.engine.sampling_params import MAX_SAMPLES, MAX_SEED, SamplingParams
from inference.model_files.generation_config import GenerationConfig

NEW_TOKENS = 64
ASK_FOR_DRAWS = ("top_p", "top_k", "min_p", "seed")
LEAST_SHARE = sys.float_info.min  # keeps one token, as transformers' top_p of 0 does

Parse = Callable[[str], Any]
REAL, WHOLE = number(-MOST, MOST), whole_number(-MOST)  # SamplingParams knows the bounds of each


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each field of SamplingParams that a command line can give."""
    group = parser.add_argument_group(
        "sampling",
        "What is not given is as in transformers, by the folder's generation_config.json: greedy, "
        "unless it has do_sample, or --temperature, --top-p, --top-k, --min-p or --seed is given.",
        argument_default=argparse.SUPPRESS,
    )
    group.add_argument(
        "--no-generation-config",
        action="store_true",
        default=False,
        help="rather draw from all tokens at temperature 1; its end tokens count all the same",
    )
    _add_numbers(group)
    _add_ends(group)


def _add_numbers(group: "argparse._ArgumentGroup") -> None:
    numbers: list[tuple[str, Parse, str]] = [
        ("--temperature", REAL, "0 is greedy"),
        ("--top-p", REAL, "keep the likeliest tokens of this mass"),
        ("--top-k", WHOLE, "keep so many likeliest tokens; 0 all"),
        ("--min-p", REAL, "keep tokens this share as likely as the likeliest"),
        ("--seed", whole_number(-MAX_SEED - 1, MAX_SEED), "repeatable draws (random)"),
        ("--n", whole_number(1, MAX_SAMPLES), "samples, one after another"),
        ("--repetition-penalty", REAL, "over 1 against ids in prompt and output"),
        ("--frequency-penalty", REAL, "over 0 against ids in the output, each time"),
        ("--presence-penalty", REAL, "over 0 against ids in the output, once"),
    ]
    aliases = {"--n": ("--num-return-sequences",)}
    for name, parse, text in numbers:
        names = (name, *aliases.get(name, ()))
        group.add_argument(*names, dest=_field(name), type=parse, metavar="NUMBER", help=text)
    group.add_argument(
        "--logit-bias",
        action="append",
        type=_bias,
        metavar="ID=NUMBER",
        help="add it to the logits of a token id, -100 to 100; repeatable",
    )


def _add_ends(group: "argparse._ArgumentGroup") -> None:
    for name, alias, text in (
        ("--max-tokens", "--max-new-tokens", f"new tokens at most ({NEW_TOKENS})"),
        ("--min-tokens", "--min-new-tokens", "new tokens at least"),
    ):
        group.add_argument(name, alias, dest=_field(name), type=WHOLE, metavar="NUMBER", help=text)
    group.add_argument("--stop", action="append", metavar="TEXT", help="end before it; repeatable")
    group.add_argument(
        "--stop-token-ids",
        action="extend",
        type=_ids,
        metavar="ID[,ID…]",
        help="end at these token ids too; repeatable",
    )
    for name, text in (
        ("--include-stop-str-in-output", "show what text was stopped by"),
        ("--ignore-eos", "go on past the model's end tokens"),
    ):
        group.add_argument(name, action="store_true", help=text)


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of SamplingParams that were given. Raises ValueError out of range."""
    names = SamplingParams.__dataclass_fields__
    options = {name: value for name, value in vars(arguments).items() if name in names}
    if "logit_bias" in options:
        options["logit_bias"] = dict(options["logit_bias"])
    SamplingParams(**{"max_tokens": None, **options})  # refuses bad values before a model is loaded
    return options


def folder_defaults(config: GenerationConfig, options: dict[str, Any]) -> dict[str, Any]:
    """Return the folder's defaults for sampling, given the options of the command line.

    Raises ValueError naming fields that would change the text and can't be honoured.
    """
    draws = config.do_sample or any(name in options for name in ASK_FOR_DRAWS)
    if "temperature" in options:
        draws = options["temperature"] > 0
    names = config.unsupported + (config.unsupported_sampling if draws else ())
    if names:
        stops = ", and --stop takes the texts of stop_strings" * ("stop_strings" in names)
        raise ValueError(
            f"the folder's generation config asks for {', '.join(names)}, which isn't offered "
            f"here; --no-generation-config leaves out what it says of drawing{stops}"
        )
    defaults: dict[str, Any] = {
        "n": config.num_return_sequences,
        "repetition_penalty": config.repetition_penalty,
    }
    if not draws:
        return defaults | {"temperature": 0.0}
    return defaults | {
        "temperature": config.temperature,
        "top_k": config.top_k,
        "top_p": max(config.top_p, LEAST_SHARE),
        "min_p": config.min_p or 0.0,
    }


def length_defaults(
    config: GenerationConfig, prompt: int, room: int, options: Container[str]
) -> dict[str, int]:
    """Return min_tokens and max_tokens after a prompt of so many tokens, within the model's room.

    options: names of those that were given; max_tokens voids max_length. Raises ValueError if
    max_length, which counts the prompt, leaves no room.
    """
    most = NEW_TOKENS if config.max_new_tokens is None else config.max_new_tokens
    voided = config.max_new_tokens is not None or "max_tokens" in options
    if config.max_length is not None and not voided:
        most = config.max_length - prompt
        if most < 1:
            raise ValueError(
                f"the folder's generation config has max_length {config.max_length}, and the "
                f"prompt {prompt} tokens; give --max-tokens"
            )
    least = config.min_new_tokens
    if least is None:
        least = max(config.min_length - prompt, 0)
    return {"max_tokens": min(most, max(room, 1)), "min_tokens": least}


def sampling_params(
    options: dict[str, Any], defaults: dict[str, Any], lengths: dict[str, int]
) -> SamplingParams:
    """Merge options and defaults; an option given decides a limit that contradicts it.

    Raises ValueError for values out of range.
    """
    params = {**defaults, **lengths, **options}
    if "min_tokens" not in options:
        params["min_tokens"] = min(params["min_tokens"], params["max_tokens"])
    elif "max_tokens" not in options:
        params["max_tokens"] = max(params["min_tokens"], params["max_tokens"])
    return SamplingParams(**params)


def _field(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _bias(text: str) -> tuple[int, float]:
    token, _, number = text.partition("=")
    try:
        bias = int(token), float(number)
    except ValueError:
        bias = -1, math.nan
    if bias[0] < 0:
        raise argparse.ArgumentTypeError(f"must be ID=NUMBER, such as 50=-100, not {shown(text)}")
    return bias


def _ids(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be token ids, not {shown(text)}") from None
