"""Blank the columns that hold what people wrote for models, or what models wrote for them.

Retention does so, and every backup. Counts, seeds and times stay.
"""

from __future__ import annotations

import json

PURGED_RESULT = '{"events": []}'
# Parameters of jobs that may hold what somebody wrote, as text or as ids.
WORDS = ("stop", "stop_token_ids", "logit_bias", "structured_outputs")

# By column of a job: the expression of SQL, over its row, that is kept in place of its texts.
BLANKED = {
    "prompts": "'[]'::jsonb",
    "params": f"params - ARRAY{list(WORDS)}",
    "white_box": "NULL::jsonb",
    "chat_json": "''",
    "result_json": f"CASE WHEN result_json = '' THEN '' ELSE '{PURGED_RESULT}' END",
}

FORGOTTEN = [
    {
        "code": "forgotten",
        "message": "What was wrong with the file isn’t kept any more.",
        "line": None,
        "param": None,
    }
]
# The same for a batch, whose errors may quote its file.
BATCH_BLANKED = {
    "metadata": "'{}'::jsonb",
    "errors": (
        "CASE WHEN errors = '[]'::jsonb THEN errors "
        f"ELSE '{json.dumps(FORGOTTEN, ensure_ascii=False)}'::jsonb END"
    ),
}
