"""A prompt of no tokens is refused before a job is made, and so are stops without a tokenizer."""

from __future__ import annotations

import json
import shutil

import pytest
from django.utils import timezone

from portal.jobs.errors import BadParameter
from portal.jobs.hosting import HostedModel
from portal.jobs.models import Job
from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest, make_hosted, make_job


@pytest.fixture
def bare(db, model, tmp_path):
    """Make a hosted model whose tokenizer puts nothing before a text."""
    folder = shutil.copytree(model, tmp_path / "bare")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "post_processor": None}))
    return make_hosted(folder)


@pytest.mark.parametrize("prompt", ["", ["a", ""]])
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_of_no_tokens_is_refused_at_the_door(client, bare, prompt, stream):
    _, secret = make_token(make_guest(bare), now=timezone.now())
    answer = client.post(
        "/v1/completions",
        {"model": bare.full_name, "prompt": prompt, "stream": stream},
        "application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
    assert not Job.objects.exists()


def test_where_the_tokenizer_puts_something_before_it_an_empty_prompt_is_a_prompt(hosted, now):
    assert make_job(hosted, now=now, prompt="").prompts == [[2]]


def test_stop_strings_need_a_tokenizer():
    wordless = HostedModel("0" * 40, context_length=96, vocab_size=300, tokenizer=None)
    with pytest.raises(BadParameter) as refused:
        wordless.require_text("stop")
    assert refused.value.field == "stop"
