"""Columns of jobs that hold what people wrote for models, or what models wrote for them.

Counts, seeds and times stay when these are blanked: by retention, and in every backup.
"""

from __future__ import annotations

PURGED_RESULT = '{"events": []}'
WORDS = ("stop", "stop_token_ids", "logit_bias")
"""Parameters of jobs that may hold what somebody wrote, as text or as ids."""

BLANKED = {
    "prompts": "'[]'::jsonb",
    "params": f"params - ARRAY{list(WORDS)}",
    "result_json": f"CASE WHEN result_json = '' THEN '' ELSE '{PURGED_RESULT}' END",
}
"""What a column with texts becomes, as an expression of SQL over its row."""
