"""Every surface answers any call with less than a 5xx and little work, whoever sends it.

A short sample by default; ``FUZZ_SECONDS=600``, as in ``make soak``, goes on for as long. A case is
made again by its seed: ``FUZZ_SEED=…`` begins with it.
"""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import transaction

from tests.architecture.permissions.test_permissions import make_world, undone
from tests.cpu import cpu_seconds
from tests.fuzz.calls import Call, drawn, places

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("FUZZ_SEED", "1"))
SAMPLE = 150
CPU_SECONDS = 3.0
ON_PURPOSE = (501, 503)
"""These answer what isn't offered here, such as git, and what waits for a worker."""


@pytest.mark.django_db
@pytest.mark.timeout(0)
def test_no_surface_breaks_or_works_long(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("portal.site.views.operations.CHECKS", {})
    monkeypatch.setattr("portal.site.views.checks.CHECKS", ())
    world = make_world(tmp_path / "in")
    known = places(world)
    broken: list[str] = []
    began, seed, counts = time.monotonic(), FIRST, {}
    while seed < FIRST + SAMPLE or time.monotonic() < began + SECONDS:
        call = drawn(seed, world, known)
        status, problem = outcome(call, world)
        counts[status] = counts.get(status, 0) + 1
        if problem:
            broken.append(f"seed {seed}, {problem}: {call}")
        seed += 1
    with capsys.disabled():
        print(f"\n{seed - FIRST} calls from seed {FIRST}: {dict(sorted(counts.items()))}")
    assert not broken, "\n\n".join(broken)


def outcome(call: Call, world) -> tuple[int, str]:
    """Return the status, and what was wrong with the answer; the world stays as it was."""
    cache.clear()  # nobody is held back by a rate
    responses = []
    with transaction.atomic(), undone():
        spent = cpu_seconds(lambda: responses.append(call.send(world)))
        [response] = responses
        status = response.status_code
    if status >= 500 and status not in ON_PURPOSE:
        return status, f"answered {status}{_fault(response)}"
    return status, f"took {spent:.1f} s of CPU" if spent > CPU_SECONDS else ""


def _fault(response) -> str:
    """Return the exception behind an answer, and the last lines of ours on its way."""
    if not (raised := getattr(response, "exc_info", None)):
        return ""
    frames = traceback.extract_tb(raised[2])
    portal_frames = [
        f"{frame.filename}:{frame.lineno}" for frame in frames if "/portal/" in frame.filename
    ]
    return f" ({raised[0].__name__}: {str(raised[1])[:200]}; {', '.join(portal_frames[-3:])})"
