"""Accept in /v1 only what the engine takes: no accepted field fails a job afterwards."""

from __future__ import annotations

import json
from random import Random

import pytest

from inference.engine.sampling_params import SamplingParams
from portal.errors import Invalid
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from tests.fuzz import values
from tests.fuzz.bodies import PROMPT_FIELDS
from workers.params import sampling_of

DRAWS = 2000
EDGES = [*values.NUMBERS, 0.01, 100, -100, 2, -2, 5, 16, 128, [5], ["a"], {"5": 1}, True, None, ""]


def drawn(random: Random) -> dict[str, object]:
    """Return a request of which a few fields hold anything at all, mostly a likely edge."""
    fields: dict[str, object] = {"model": "a/b", "prompt": "x"}
    for name in random.sample(list(PROMPT_FIELDS), random.choice([1, 1, 2, 3])):
        likely = random.random() < 0.7
        fields[name] = random.choice(EDGES) if likely else values.value(random)
    return fields


def test_whatever_is_accepted_becomes_sampling_parameters():
    taken = 0
    for seed in range(DRAWS):
        fields = drawn(Random(seed))
        try:
            completion = parse_completion(fields)
        except Invalid as error:
            if not error.field:
                pytest.fail(f"no field is named for {fields}")
            continue
        taken += 1
        params = json.loads(json.dumps({**completion.sampling, "seed": completion.seed or 0}))
        job = Job(prompts=[[5]], n=completion.n, params=params, echo=completion.echo)
        assert isinstance(sampling_of(job), SamplingParams), fields
    assert taken > DRAWS / 20
