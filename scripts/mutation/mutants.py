"""Answer `scripts/mutate.py`'s questions about a session, in cosmic-ray's environment."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult


def answerless(path: Path) -> Iterator[ast.expr]:
    """Yield the expressions that change no answer: annotations, and decorators that freeze."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        yield from getattr(node, "decorator_list", ())
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr):
                yield part


def is_answerless(mutation: Any) -> bool:
    line, column = mutation.start_pos
    return any(
        (part.lineno, part.col_offset) <= (line, column) <= (part.end_lineno, part.end_col_offset)
        for part in answerless(Path(mutation.module_path))
    )


def skip_answerless(session: str) -> int:
    with use_db(session) as db:
        for item in list(db.pending_work_items):
            if all(is_answerless(mutation) for mutation in item.mutations):
                db.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
    return 0


def report(session: str) -> int:
    """Print every survivor with its change; return 1 if there is any."""
    with use_db(session) as db:
        tried = [(item, result) for item, result in db.completed_work_items if _ran(result)]
        survivors = [item for item, result in tried if result.test_outcome == TestOutcome.SURVIVED]
        for item in survivors:
            for mutation in item.mutations:
                place = f"{mutation.module_path}:{mutation.start_pos[0]}"
                print(f"survived: {place} {mutation.operator_name}")
        print(f"{len(tried)} mutants, {len(survivors)} survived.")
    return 1 if survivors else 0


def _ran(result: WorkResult) -> bool:
    return result.worker_outcome != WorkerOutcome.SKIPPED


if __name__ == "__main__":
    _, _, session, act = sys.argv
    sys.exit(skip_answerless(session) if act == "skip-answerless" else report(session))
