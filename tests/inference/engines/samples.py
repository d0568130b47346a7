"""An engine under test with transformers' model, and what tests ask of both."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from inference import EngineRequest, SamplingParams
from inference.capabilities import Capability
from inference.engine.outputs import RequestOutput, TokenEvent
from inference.engine.validation import empty_output

numbers = itertools.count()


@dataclass
class Subject:
    """An engine with transformers' model of the same weights."""

    engine: Any
    peer: Any

    def require(self, capability: Capability) -> None:
        """Skip a test of what this engine doesn't do."""
        if capability not in self.engine.capabilities:
            pytest.skip(f"this engine has no {capability}")

    def request(self, prompt=(2, 7, 9), **sampling) -> EngineRequest:
        """Make a request with an id as workers give them."""
        fields = {name: sampling.pop(name) for name in list(sampling) if name in FIELDS}
        params = SamplingParams(**{"max_tokens": 8, "ignore_eos": True} | sampling)
        return EngineRequest(prompt, params, f"http/{next(numbers)}/1/0", **fields)

    def events(self, *requests: EngineRequest) -> list[TokenEvent]:
        """Submit requests and step until they have ended."""
        left = {self.engine.submit(request): request.sampling.n for request in requests}
        events = []
        while any(left.values()):
            for event in self.engine.step():
                events.append(event)
                left[event.request_id] -= event.finish_reason is not None
        return events

    def run(self, *requests: EngineRequest) -> list[RequestOutput]:
        """Run requests together, and return their outputs."""
        outputs = {r.request_id: empty_output(r.request_id, r) for r in requests}
        for event in self.events(*requests):
            outputs[event.request_id].add(event)
        return list(outputs.values())

    def sample(self, prompt=(2, 7, 9), **sampling):
        """Run one prompt, and return its first sample."""
        return self.run(self.request(prompt, **sampling))[0].outputs[0]

    def run_down(self) -> None:
        """Step until nothing is left."""
        while self.engine.has_work:
            self.engine.step()


FIELDS = ("priority", "deadline", "detokenize", "captures", "interventions", "first_sample")
