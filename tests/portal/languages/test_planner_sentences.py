"""Sentences of the planner's library, which speaks English, are translated on a page."""

from __future__ import annotations

from itertools import product

import pytest
from django.utils.translation import override

from inference.plan import Machine, named_shape, plan_best
from inference.plan.gpus import GPUS
from portal.site.planner.reasons import in_prose

MODELS = ("opt-125m", "opt-66b", "opt-175b", "mt-nlg-530b", "palm-540b")
MACHINES = ((1, "v100-32"), (7, "a100-80"), (16, "v100-32"), (8, "h200-141"), (1024, "a100-80"))
DTYPES = ("float16", "bfloat16", "int8", "float32")


@pytest.fixture(scope="module")
def sentences() -> set[str]:
    """Return what is said of plans of all kinds: too large, uneven, of other makers."""
    plans = (
        plan_best(named_shape(model), Machine(gpus, GPUS[gpu]), dtype)
        for model, (gpus, gpu), dtype in product(MODELS, MACHINES, DTYPES)
    )
    return {line for plan in plans for line in (*plan.reasons, *plan.notes)}


def test_a_sentence_is_itself_in_english(sentences: set[str]) -> None:
    assert len(sentences) > 10
    changed = {line for line in sentences if in_prose(line) != line.replace("'", "’")}
    assert changed == set()


def test_every_sentence_is_known_by_its_form(sentences: set[str]) -> None:
    with override("de"):
        left = {line for line in sentences if in_prose(line) == line.replace("'", "’")}
    assert left == set()
