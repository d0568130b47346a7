"""transformers, unmodified: from the portal to generated text."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.clients
GENERATE = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
prompt = tokenizer("The", return_tensors="pt")
assert prompt.input_ids[0, 0] == tokenizer.bos_token_id == 2
made = model.generate(**prompt, max_new_tokens=8, min_new_tokens=8, do_sample=False)
assert made.shape[1] == prompt.input_ids.shape[1] + 8
print("GENERATED", repr(tokenizer.decode(made[0])))
"""


def test_a_granted_model_generates_text(stack, shell):
    repo = stack.demo["repos"]["gated"]
    done = shell.run(sys.executable, "-c", GENERATE, repo, role="approved")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "GENERATED '</s>The" in done.stdout


def test_who_has_no_grant_is_told_where_to_ask(stack, shell):
    repo = stack.demo["repos"]["gated"]
    done = shell.run(sys.executable, "-c", GENERATE, repo, role="newcomer")
    assert done.returncode != 0
    assert "gated repo" in done.stderr
    assert f"{stack.base_url}/requests/new/{repo}" in done.stderr
