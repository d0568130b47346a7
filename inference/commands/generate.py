"""Stream a model's continuation of a prompt to the terminal."""

import argparse
import sys

from inference.sampling import SamplingParams

HELP = "continue a prompt, printing text as it comes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("prompt", help="the text to continue")
    parser.add_argument("--model", required=True, metavar="DIR", help="checkpoint directory")
    parser.add_argument("--max-tokens", type=int, default=64, help="new tokens at most (64)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (1.0)")
    parser.add_argument("--top-p", type=float, default=1.0, help="keep this mass of tokens (1.0)")
    parser.add_argument("--top-k", type=int, default=0, help="keep so many tokens; 0 all (0)")
    parser.add_argument("--seed", type=int, help="repeatable draws (random)")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="end before it; repeatable")
    parser.add_argument("--ignore-eos", action="store_true", help="go on past the end token")
    parser.add_argument("--dtype", default="float32", help="float32, bfloat16 or float16 (float32)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")


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
    from inference.engine import Engine

    with Engine(arguments.model, dtype=arguments.dtype, device=arguments.device) as engine:
        for event in engine.stream(arguments.prompt, sampling):
            print(event.text, end="", flush=True)
            if event.error:
                print(f"\nerror: {event.error}", file=sys.stderr)
                return 1
    print()
    return 0
