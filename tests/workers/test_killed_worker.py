"""kill -9 in the middle of a job: it is run again by itself, and nobody hears a word twice."""

from __future__ import annotations

import os
import signal

import openai
import pytest

pytestmark = [
    pytest.mark.clients,
    pytest.mark.xdist_group("live"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def words(live):
    """Streams one long, seeded completion; ``midway`` is called once, after some tokens."""
    client = openai.OpenAI(
        base_url=f"{live.base_url}/v1",
        api_key=live.account("approved")["token"],
        max_retries=8,
        timeout=120,
    )

    def read(midway=lambda: None):
        chunks = client.completions.create(
            model=live.demo["hosted_model"],
            prompt="def main(",
            max_tokens=1200,
            seed=7,
            logprobs=0,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        heard = []
        for chunk in chunks:
            heard += [(choice.text, choice.logprobs.tokens) for choice in chunk.choices]
            if len(heard) == 100:
                midway()
        return heard

    return read


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lost_worker_loses_no_job_and_repeats_no_token(live, words, how):
    undisturbed = words()
    dead = live.pid("worker")
    assert words(lambda: os.kill(dead, how)) == undisturbed
    assert live.pid("worker") != dead
