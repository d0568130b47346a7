"""An engine that computes nothing and counts everything: a token a step for whoever has a place."""

from __future__ import annotations

from collections import Counter
from itertools import count
from uuid import uuid4

from inference.engine.outputs import EngineStats, TokenEvent
from portal.accounts.models import Organization
from portal.jobs.models import INTERACTIVE, Job
from portal.jobs.services import Lane
from workers.loop import EngineLoop
from workers.runs import job_of


class CountingEngine:
    """Runs the first samples by priority and arrival, as the scheduler orders them.

    A sample's prompt takes its first step, and each output token one more.
    """

    def __init__(self, places):
        self.places = places
        self.requests, self.priorities, self.outputs = {}, {}, {}
        self.computed = Counter()  # tokens by job
        self.arrivals = count()
        self.scheduled = {}

    def submit(self, request):
        self.requests[request.request_id] = request
        self.priorities[request.request_id] = (request.priority, next(self.arrivals))
        self.outputs[request.request_id] = 0
        return request.request_id

    def set_priority(self, request_id, priority):
        self.priorities[request_id] = (priority, self.priorities[request_id][1])
        return True

    def step(self):
        running = sorted(self.requests, key=self.priorities.get)[: self.places]
        self.scheduled = {request_id: self._tokens(request_id) for request_id in running}
        return [self._event(request_id) for request_id in running]

    def _tokens(self, request_id):
        prompt = self.requests[request_id].prompt_token_ids
        return 1 if self.outputs[request_id] else len(prompt) + 1

    def _event(self, request_id):
        self.computed[job_of(request_id)] += self._tokens(request_id)
        self.outputs[request_id] += 1
        ended = self.outputs[request_id] == self.requests[request_id].sampling.max_tokens
        event = TokenEvent(
            request_id=request_id,
            index=0,
            token_ids=(5,),
            text="",
            logprobs=None,
            prompt_logprobs=None,
            finish_reason="length" if ended else None,
        )
        if ended:
            self.cancel(request_id)
        return event

    def cancel(self, request_id):
        for rows in (self.requests, self.priorities, self.outputs):
            rows.pop(request_id, None)
        return True

    @property
    def has_work(self):
        return bool(self.requests)

    def stats(self):
        return EngineStats(len(self.requests), 0, 1, 1, 16, 0, self.scheduled)

    def close(self):
        pass


def counting_loop(places):
    return EngineLoop(CountingEngine(places), places, on_ended=lambda: None)


def organization(number, weight=1):
    return Organization(pk=number, name=f"Organization {number}", weight=weight)


def job_by(person, *, at=None, n=1, prompt=3, max_tokens=20, priority=INTERACTIVE, has_floor=False):
    """Make a job of a person, at an organization or none, that no table knows."""
    return Job(
        pk=uuid4(),
        attempt=1,
        person_id=person,
        organization=at,
        prompts=[[7] * prompt],
        n=n,
        priority=priority,
        has_floor=has_floor,
        params={
            "max_tokens": max_tokens,
            "temperature": 1.0,
            "top_p": 1.0,
            "top_k": 0,
            "seed": 7,
            "stop": [],
            "logprobs": None,
            "ignore_eos": True,
        },
    )


class Backlogs:
    """People with more jobs than are ever done, of whom the loop gets as many as it claims."""

    def __init__(self, loop):
        self.loop = loop
        self.shapes = []
        self.owners = {}

    def add(self, person, **shape):
        self.shapes.append((person, shape))

    def turn(self, times):
        for _ in range(times):
            while self._claim():
                pass
            self.loop._turn()
            self.loop.ended.clear()

    def _claim(self):
        """Give the loop a job of everybody whose lane isn't passed over; tell if there was one."""
        before, passed_over = len(self.owners), self.loop.lanes_passed_over()
        if passed_over is None:
            return False
        for number, (person, shape) in enumerate(self.shapes):
            job = job_by(person, **shape)
            if Lane.of(job) not in passed_over:
                self.owners[job.pk] = number
                self.loop.add(job)
        return len(self.owners) > before

    def tokens(self, key=lambda number, person, shape: number):
        """Count the tokens computed so far, by shape or by what else the key says."""
        counts = Counter()
        for job_id, tokens in self.loop.engine.computed.items():
            number = self.owners[job_id]
            counts[key(number, *self.shapes[number])] += tokens
        return counts


def jain(shares):
    """Return Jain's index of fairness: 1 where all have the same, 1/n where one has everything."""
    shares = list(shares)
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))
