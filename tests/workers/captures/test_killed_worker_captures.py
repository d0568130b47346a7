"""kill -9 in the middle of a job that captures: its captures are those of an undisturbed run."""

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
CAPTURE = [
    {"site": "output", "layers": [1], "dtype": "float16"},
    {"site": "mlp_output", "layers": [0], "reduce": {"kind": "mean"}},
]


@pytest.fixture
def captures(live):
    """Stream one long, seeded completion; ``midway`` is called once, after some tokens."""
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
            max_tokens=800,
            seed=7,
            stream=True,
            extra_body={"ignore_eos": True, "capture": CAPTURE},
        )
        last = None
        for number, last in enumerate(chunks):  # noqa: B007
            if number == 100:
                midway()
        assert last.choices == []
        return last.x_weightgate["captures"]

    return read


def test_a_lost_worker_loses_no_captures(live, captures):
    undisturbed = captures()
    dead = live.pid("worker")
    disturbed = captures(lambda: os.kill(dead, signal.SIGKILL))
    assert live.pid("worker") != dead
    assert (disturbed["sha256"], disturbed["size_bytes"], disturbed["tensors"]) == (
        undisturbed["sha256"],
        undisturbed["size_bytes"],
        undisturbed["tensors"],
    )
    assert disturbed["url"] != undisturbed["url"]
