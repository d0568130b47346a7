"""Stream a model's continuation of a prompt to the terminal."""

import argparse
import sys
import time
from collections.abc import Iterator

from inference.commands.reading import add_rank_arguments, shown
from inference.commands.sampling_options import (
    add_sampling_arguments,
    folder_defaults,
    given_options,
    length_defaults,
    sampling_params,
)
from inference.engine.outputs import TokenEvent
from inference.model_files.generation_config import GenerationConfig
from inference.terminal import counted

HELP = "continue a prompt, printing text as it comes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("prompt", help="the text to continue; - reads it from standard input")
    parser.add_argument("--model", required=True, metavar="DIR", help="checkpoint directory")
    parser.add_argument(
        "--ids", action="store_true", help="the prompt is token ids, and ids are printed"
    )
    parser.add_argument(
        "--dtype", default="float32", help="float32, bfloat16, float16, or int8 on CPUs (float32)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    add_rank_arguments(parser)
    add_sampling_arguments(parser)
    parser.add_argument("--speed", action="store_true", help="tell times at the end, on stderr")


def run(arguments: argparse.Namespace) -> int:
    """Print the continuation, and return status 1 if the engine failed on it."""
    options = given_options(arguments)
    prompt = _prompt(arguments)
    config = GenerationConfig.from_directory(arguments.model)
    plain = arguments.no_generation_config
    defaults = {} if plain else folder_defaults(config, options)
    _print_if_timed(f"loading {arguments.model} …", arguments)
    from inference.engine.engine import Engine

    began = time.perf_counter()
    with Engine(
        arguments.model,
        tensor_parallel_size=arguments.tp,
        pipeline_parallel_size=arguments.pp,
        dtype=arguments.dtype,
        device=arguments.device,
        rank_timeout_seconds=arguments.rank_timeout,
    ) as engine:
        _print_if_timed(f"loaded in {time.perf_counter() - began:.1f} s", arguments)
        ids = engine.prompt_token_ids(prompt)
        room = engine.max_model_len - len(ids)
        lengths = length_defaults(GenerationConfig() if plain else config, len(ids), room, options)
        sampling = sampling_params(options, defaults, lengths)
        return _stream(engine.stream(ids, sampling), arguments)


def _stream(events: Iterator[TokenEvent], arguments: argparse.Namespace) -> int:
    """Print the first sample as it comes, and the others, each under a line, after it."""
    times, others = [time.perf_counter()], dict[int, str]()
    for event in events:
        times += [time.perf_counter()] * len(event.token_ids)
        ids = "".join(f"{token} " for token in event.token_ids)
        text = ids if arguments.ids else event.text
        if event.index:
            others[event.index] = others.get(event.index, "") + text
        else:
            print(text, end="", flush=True)
        if event.error:
            print(f"\nerror: {event.error}", file=sys.stderr)
            return 1
    print()
    for index, text in sorted(others.items()):
        print(f"--- sample {index + 1}", text, sep="\n")
    _print_if_timed(_speed(times), arguments)
    return 0


def _speed(times: list[float]) -> str:
    """Return a sentence on the speed. times: of the start, and of each token."""
    if len(times) < 3:
        return counted(len(times) - 1, "token")
    rate = (len(times) - 2) / max(times[-1] - times[1], 1e-9)
    first = times[1] - times[0]
    return f"{len(times) - 1} tokens; the first after {first:.2f} s, then {rate:.1f} a second"


def _prompt(arguments: argparse.Namespace) -> str | list[int]:
    try:
        text = sys.stdin.read() if arguments.prompt == "-" else str(arguments.prompt)
    except UnicodeDecodeError as error:
        raise ValueError("standard input is not UTF-8 text") from error
    if not arguments.ids:
        return text
    return [_token_id(word) for word in text.replace(",", " ").split()]


def _token_id(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(
            f"with --ids the prompt must be token ids, such as 2 100 7, not {shown(word)}"
        ) from None


def _print_if_timed(sentence: str, arguments: argparse.Namespace) -> None:
    if arguments.speed:
        print(sentence, file=sys.stderr)
