"""Columns of jobs that hold what people wrote for models, or what models wrote for them.

Counts, seeds and times stay when these are blanked: by retention, and in every backup.
"""

from __future__ import annotations

import json

PURGED_RESULT = '{"events": []}'
WORDS = ("stop", "stop_token_ids", "logit_bias")
"""Parameters of jobs that may hold what somebody wrote, as text or as ids."""

BLANKED = {
    "prompts": "'[]'::jsonb",
    "params": f"params - ARRAY{list(WORDS)}",
    "result_json": f"CASE WHEN result_json = '' THEN '' ELSE '{PURGED_RESULT}' END",
}
"""What a column with texts becomes, as an expression of SQL over its row."""

FORGOTTEN = [
    {
        "code": "forgotten",
        "message": "What was wrong with the file isn’t kept any more.",
        "line": None,
        "param": None,
    }
]
BATCH_BLANKED = {
    "metadata": "'{}'::jsonb",
    "errors": (
        "CASE WHEN errors = '[]'::jsonb THEN errors "
        f"ELSE '{json.dumps(FORGOTTEN, ensure_ascii=False)}'::jsonb END"
    ),
}
"""The same of batches, whose errors may quote their files."""
