"""The state diagrams of docs/architecture.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from portal.access.lifecycle import Status
from portal.access.models import AccessRequest
from portal.catalog.models import RevisionCheck
from portal.jobs.models import Batch, Job

PAGE = (Path(__file__).parents[3] / "docs/architecture.md").read_text("utf-8")
REQUEST, GRANT, JOB, BATCH, CHECK = (
    set(re.findall(r"^    (\w+) --> (\w+)", diagram, re.MULTILINE))
    for diagram in re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
)


def states(edges: set[tuple[str, str]]) -> set[str]:
    return {state for edge in edges for state in edge}


def test_a_request_moves_as_its_table_says():
    table = AccessRequest.TRANSITIONS
    assert {(str(old), str(new)) for old in table for new in table[old]} == REQUEST


def test_a_grant_has_each_status():
    assert states(GRANT) == set(Status)


def test_a_job_has_each_state():
    assert states(JOB) == set(Job.State.values)


def test_a_batch_has_each_state():
    assert states(BATCH) == set(Batch.State.values)


def test_a_check_has_each_state():
    assert states(CHECK) == set(RevisionCheck.State.values)
