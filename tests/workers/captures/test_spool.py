"""A run holds little of what it captures in memory, and a file of it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.interp.captured import Snapshot
from inference.interp.tensors_file import write_captured
from workers.captures.spool import HELD_BYTES, CaptureSpool

WIDTH, STEPS = 4096, 6000


def held_bytes():
    """Return the memory of this process that is no file's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def step_of(number):
    values = torch.full((1, WIDTH), float(number))
    return [Snapshot(site, 0, (number,), values.clone()) for site in ("output", "neurons")]


def test_memory_doesnt_grow_with_what_is_captured(tmp_path):
    spool, before = CaptureSpool(), held_bytes()
    for number in range(STEPS):
        spool.add(0, step_of(number))
    captured = spool.captured()
    with (tmp_path / "captures").open("wb") as file:
        written = write_captured(file, captured)
    assert written.size_bytes > 2 * STEPS * WIDTH * 4 > 10 * HELD_BYTES
    assert held_bytes() - before < 5 * HELD_BYTES
    values = captured[0].values("output", 0)
    assert values.shape == (STEPS, WIDTH)
    assert values[:, 0].tolist() == pytest.approx(range(STEPS))
    assert captured[0].positions("neurons", 0) == tuple(range(STEPS))
