"""Measure how long a few tokens take beside one person's many samples, and beside long stops.

    scripts/bench_neighbours.py                    # trains a tiny model first
    scripts/bench_neighbours.py --model DIR --rounds 15

The worker's own loop is turned by hand, on two engines: one is full of a person's 128 samples, the
other has as many people with a sample each as leave one place. Each round times another person's
five tokens in both. The ratio of the medians is printed; more than 1.5 is a miss.

Then another person's 300 tokens are timed alone, beside a request that repeats a text which it is
told to stop at one character later, with fifteen other stop strings as long, and beside the same
request without stops. Beside the stops more than 1.5 times as long as alone is a miss.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from throwaway import ROOT

MOST = 1.5
PLACES = 32
MANY = 128
LONG, FEW = 1500, 5
WARM_UP_TURNS = 40
TEXT_TOKENS, SOME = 1900, 300
LATE = 1500  # tokens after which the stops that the text begins are long
STOP_CHARACTERS = 7600
LETTERS = "abcdefghijklmno"
people = count(1000)


def job(person: int, *, samples: int = 1, max_tokens: int, **fields: Any) -> Any:
    from portal.jobs.models import Job

    params = {"max_tokens": max_tokens, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "seed": 7}
    params |= {"stop": [], "logprobs": None, "ignore_eos": True, **fields}
    prompts = [[2, 7, 9, 11]]
    return Job(
        pk=uuid4(),
        attempt=1,
        person_id=person,
        prompts=prompts,
        n=samples,
        params=params,
        echo=False,
    )


def beside_one_person(loop: Any) -> None:
    loop.add(job(1, samples=MANY, max_tokens=LONG))


def beside_many_people(loop: Any) -> None:
    for person in range(1, PLACES):  # the last place is for who comes
        loop.add(job(person, max_tokens=LONG))


@contextmanager
def filled(model: Path, fill: Callable[[Any], None]) -> Iterator[Any]:
    """Yield a loop whose engine has no free slot."""
    from inference import Engine
    from workers.loop import EngineLoop

    with Engine(model=model, max_num_seqs=PLACES) as engine:
        loop = EngineLoop(engine, PLACES, on_ended=lambda: None)
        fill(loop)
        for _ in range(WARM_UP_TURNS):
            loop._turn()
        yield loop


def timed(loop: Any, max_tokens: int = FEW) -> float:
    """Return the CPU's seconds until somebody's few tokens are there, whoever else uses it."""
    new_job = job(next(people), max_tokens=max_tokens)
    began = time.process_time()
    loop.add(new_job)
    while not any(run.job.pk == new_job.pk for run in loop.ended):
        loop._turn()
    return time.process_time() - began


def measure(model: Path, rounds: int) -> float:
    taken: dict[str, list[float]] = {"one": [], "many": []}
    with filled(model, beside_one_person) as one, filled(model, beside_many_people) as many:
        for _ in range(rounds):
            taken["one"].append(timed(one))
            taken["many"].append(timed(many))
    for name, neighbours in (
        ("one", f"one person's {MANY} samples"),
        ("many", f"{PLACES - 1} people"),
    ):
        times = [seconds * 1000 for seconds in taken[name]]
        print(
            f"{FEW} tokens beside {neighbours}: median {statistics.median(times):.0f} ms, "
            f"{min(times):.0f} to {max(times):.0f}"
        )
    return statistics.median(taken["one"]) / statistics.median(taken["many"])


def measure_stops(model: Path, rounds: int) -> float:
    from inference import Engine
    from workers.loop import EngineLoop

    with Engine(model=model, max_num_seqs=PLACES) as engine:
        loop = EngineLoop(engine, PLACES, on_ended=lambda: None)
        text = written(loop)
        fitting = text.ljust(STOP_CHARACTERS, "\N{SNOWMAN}")
        stops = [fitting, *(letter * len(fitting) for letter in LETTERS)]
        taken: dict[str, list[float]] = {"alone": [], "beside it": [], "beside its stops": []}
        for _ in range(rounds):
            taken["alone"].append(timed(loop, SOME))
            taken["beside it"].append(timed_beside(loop, []))
            taken["beside its stops"].append(timed_beside(loop, stops))
    size = sum(map(len, stops)) / 1000
    print(f"{SOME} tokens beside {TEXT_TOKENS}, which stop at {size:.0f} KB:")
    for name, times in taken.items():
        print(f"  {name}: median {statistics.median(times) * 1000:.0f} ms")
    return statistics.median(taken["beside its stops"]) / statistics.median(taken["alone"])


def repeating(loop: Any, stop: list[str]) -> Any:
    """Begin the request that always writes the same text, and return its run."""
    loop.add(job(next(people), max_tokens=TEXT_TOKENS, temperature=0.0, stop=stop))
    loop._turn()
    return loop.runs()[-1]


def written(loop: Any) -> str:
    run = repeating(loop, [])
    while not run.done:
        loop._turn()
    return str(run.result().events[0].text)


def timed_beside(loop: Any, stop: list[str]) -> float:
    """Return the seconds until somebody's tokens are there beside the late part of the text."""
    run = repeating(loop, stop)
    while run.tokens < LATE:
        loop._turn()
    taken = timed(loop, SOME)
    if run.done:
        raise RuntimeError("the text ended before its neighbour's tokens did")
    while not run.done:
        loop._turn()
    return taken


def trained(folder: Path) -> Path:
    from inference.training.settings import PRESETS
    from inference.training.train import TrainOptions, train

    train(PRESETS["tiny"], TrainOptions(folder, progress_bar=False), say=lambda _: None)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a folder as transformers saves it")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    os.environ.setdefault("WEIGHTGATE_SECRET_KEY", "only-for-a-while-" + "0123456789" * 5)
    import django

    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or trained(Path(folder))
        ratios = measure(model, options.rounds), measure_stops(model, min(options.rounds, 5))
    print("ratios " + ", ".join(f"{ratio:.2f}" for ratio in ratios) + f" (at most {MOST})")
    return int(max(ratios) > MOST)


if __name__ == "__main__":
    sys.exit(main())
