"""Check that lm-evaluation-harness measures through /v1 what it measures with transformers.

Started by scripts/test_peers.py in an environment with lm_eval; reads the same environment as the
other checks. Its tasks are made here, since the real ones are on the Hub.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

MODEL, ENDPOINT = os.environ["MODEL"], os.environ["HF_ENDPOINT"]
os.environ["HF_TOKEN"] = os.environ["OPENAI_API_KEY"] = os.environ["APPROVED"]

from lm_eval import simple_evaluate  # noqa: E402  # it reads the environment as it is imported
from lm_eval.tasks import TaskManager  # noqa: E402
from lm_eval.utils import make_table  # noqa: E402

ROWS = [
    {"question": f"{subject} is {rest}", "choices": choices, "answer": at % 3}
    for at, (subject, rest, choices) in enumerate(
        (subject, rest, choices)
        for subject in ("The sun", "A river", "The committee", "Une école", "氷")
        for rest, choices in (
            ("made of", ["fire", "water", "people who meet"]),
            ("often said to be", ["old", "very slow indeed", "kind"]),
        )
    )
]
DATA = """
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
"""
TASKS = {
    "choices": """
task: choices
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: choices
doc_to_target: answer
metric_list: [{metric: acc}, {metric: acc_norm}]
""",
    "perplexity": """
task: perplexity
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}} {{choices[answer]}}."
metric_list: [{metric: byte_perplexity}, {metric: bits_per_byte}]
""",
    "written": """
task: written
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 12, do_sample: false, temperature: 0.0}
metric_list: [{metric: chrf}]
""",
}


def tasks_in(folder: Path) -> TaskManager:
    """Write the tasks and their rows, and return the manager that finds them."""
    rows = folder / "rows.jsonl"
    rows.write_text("\n".join(json.dumps(row) for row in ROWS))
    for name, text in TASKS.items():
        (folder / f"{name}.yaml").write_text(text + DATA.replace("FILE", str(rows)))
    return TaskManager(include_path=str(folder), include_defaults=False)


def measured(manager: TaskManager, backend: str, **args: Any) -> dict[str, Any]:
    results: dict[str, Any] = simple_evaluate(
        model=backend,
        # Unless told, it puts OPT's first token before a text with transformers alone.
        model_args={**args, "add_bos_token": False},
        tasks=list(TASKS),
        task_manager=manager,
        log_samples=True,
        bootstrap_iters=0,
    )
    return results


def table_of(results: dict[str, Any]) -> str:
    return str(make_table({**results, "config": {}}))


def samples_of(results: dict[str, Any]) -> list[Any]:
    """Return each sample's log-probabilities, to the last digit that is printed, or its text."""
    samples = [sample for name in TASKS for sample in results["samples"][name]]
    return [_printed(sample["filtered_resps"]) for sample in samples]


def _printed(answer: Any) -> Any:
    if isinstance(answer, float):
        return round(answer, 4)
    return [_printed(part) for part in answer] if isinstance(answer, list | tuple) else answer


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        manager = tasks_in(Path(name))
        here = measured(manager, "hf", pretrained=MODEL, dtype="float32", device="cpu")
        there = measured(
            manager,
            "local-completions",
            model=MODEL,
            base_url=f"{ENDPOINT}/v1/completions",
            tokenizer=MODEL,
            num_concurrent=4,
            max_retries=1,
        )
    print(table_of(there))
    failed = 0
    for what, of in (("table", table_of), ("samples", samples_of)):
        same = of(here) == of(there)
        failed += not same
        print(f"  {'ok    ' if same else 'FAILED'}  the {what} by /v1 and by transformers")
        if not same:
            print(f"{of(there)}\n{of(here)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
