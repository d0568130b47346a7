"""kill -9 in the middle of a job: it is run again by itself, and nobody hears a word twice."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = [
    pytest.mark.clients,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def words(long_stream):
    """Read what a long completion says, token by token."""

    def read(midway=lambda: None):
        chunks = long_stream(midway, max_tokens=1200, logprobs=0)
        choices = [choice for chunk in chunks for choice in chunk.choices]
        return [(choice.text, choice.logprobs.tokens) for choice in choices]

    return read


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lost_worker_loses_no_job_and_repeats_no_token(live, words, how):
    undisturbed = words()
    dead = live.pid("worker")
    assert words(lambda: os.kill(dead, how)) == undisturbed
    assert live.pid("worker") != dead
