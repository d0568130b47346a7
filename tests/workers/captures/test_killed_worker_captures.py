"""kill -9 in the middle of a job that captures: its captures are those of an undisturbed run."""

from __future__ import annotations

import os
import signal

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
def captures(long_stream):
    """Read what a long completion captured."""

    def read(midway=lambda: None):
        *_, last = long_stream(midway, max_tokens=800, extra_body={"capture": CAPTURE})
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
