"""Stream a model's continuation of a prompt to the terminal."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from inference.commands.reading import add_rank_arguments
from inference.sampling import SamplingParams

if TYPE_CHECKING:
    from inference.engine import Engine

HELP = "continue a prompt, printing text as it comes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("prompt", help="the text to continue; - reads it from standard input")
    parser.add_argument("--model", required=True, metavar="DIR", help="checkpoint directory")
    parser.add_argument("--max-tokens", type=int, default=64, help="new tokens at most (64)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (1.0)")
    parser.add_argument("--top-p", type=float, default=1.0, help="keep this mass of tokens (1.0)")
    parser.add_argument("--top-k", type=int, default=0, help="keep so many tokens; 0 all (0)")
    parser.add_argument("--seed", type=int, help="repeatable draws (random)")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="end before it; repeatable")
    parser.add_argument("--ignore-eos", action="store_true", help="go on past the end token")
    parser.add_argument(
        "--ids", action="store_true", help="the prompt is token ids, and ids are printed"
    )
    parser.add_argument(
        "--dtype", default="float32", help="float32, bfloat16, float16, or int8 on CPUs (float32)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    add_rank_arguments(parser)
    parser.add_argument("--speed", action="store_true", help="tell times at the end, on stderr")


def run(arguments: argparse.Namespace) -> int:
    """Print the continuation; status 1 if the engine failed on it."""
    sampling = SamplingParams(
        max_tokens=arguments.max_tokens,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        top_k=arguments.top_k,
        seed=arguments.seed,
        stop=arguments.stop,
        ignore_eos=arguments.ignore_eos,
    )
    prompt = _prompt(arguments)
    _tell(f"loading {arguments.model} …", arguments)
    from inference.engine import Engine

    began = time.perf_counter()
    with Engine(
        arguments.model,
        tensor_parallel_size=arguments.tp,
        pipeline_parallel_size=arguments.pp,
        dtype=arguments.dtype,
        device=arguments.device,
        rank_timeout_seconds=arguments.rank_timeout,
    ) as engine:
        _tell(f"loaded in {time.perf_counter() - began:.1f} s", arguments)
        return _stream(engine, prompt, sampling, arguments)


def _stream(
    engine: "Engine",
    prompt: str | list[int],
    sampling: SamplingParams,
    arguments: argparse.Namespace,
) -> int:
    times = [time.perf_counter()]
    for event in engine.stream(prompt, sampling):
        times += [time.perf_counter()] * len(event.token_ids)
        ids = "".join(f"{token} " for token in event.token_ids)
        print(ids if arguments.ids else event.text, end="", flush=True)
        if event.error:
            print(f"\nerror: {event.error}", file=sys.stderr)
            return 1
    print()
    _tell(_speed(times), arguments)
    return 0


def _speed(times: list[float]) -> str:
    """times: of the start, and of each token."""
    if len(times) < 3:
        return f"{len(times) - 1} tokens"
    rate = (len(times) - 2) / max(times[-1] - times[1], 1e-9)
    first = times[1] - times[0]
    return f"{len(times) - 1} tokens; the first after {first:.2f} s, then {rate:.1f} a second"


def _prompt(arguments: argparse.Namespace) -> str | list[int]:
    text = sys.stdin.read() if arguments.prompt == "-" else str(arguments.prompt)
    if not arguments.ids:
        return text
    try:
        return [int(each) for each in text.replace(",", " ").split()]
    except ValueError as error:
        raise ValueError(f"with --ids the prompt must be numbers: {error}") from error


def _tell(sentence: str, arguments: argparse.Namespace) -> None:
    if arguments.speed:
        print(sentence, file=sys.stderr)
