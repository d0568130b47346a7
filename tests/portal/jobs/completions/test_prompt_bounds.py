"""Prompts are bounded before they are tokenized, and what is tokenized is counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from inference.tokenizer import Tokenizer
from portal.jobs.errors import BadParameter, ContextLengthExceeded, QuotaExceeded
from portal.jobs.hosting import hosted_model
from portal.jobs.openai.fields import MAX_CHOICES
from portal.jobs.services import preparing
from tests.factories.accounts import make_token
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_job

HUGE = "water " * 100_000


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def submit(hosted, guest, now):
    def send(prompt, person=guest, at=now, **fields):
        return make_job(hosted, person, now=at, prompt=prompt, **fields)

    return send


@pytest.fixture
def tokenized(monkeypatch):
    """Return the texts that were tokenized."""
    texts = []
    encode = Tokenizer.encode

    def noted(tokenizer, text):
        texts.append(text)
        return encode(tokenizer, text)

    monkeypatch.setattr(Tokenizer, "encode", noted)
    return texts


def test_no_token_stands_for_more_bytes_than_the_longest(hosted):
    model = hosted_model(hosted.revisions.get())
    sizes = [len(model.tokenizer.token_bytes(token)) for token in range(model.vocab_size)]
    assert model.tokenizer.longest_token_bytes >= max(sizes)
    assert model.longest_prompt_bytes == CONTEXT_LENGTH * model.tokenizer.longest_token_bytes


def test_a_text_that_cannot_fit_is_refused_untokenized(submit, tokenized):
    with pytest.raises(ContextLengthExceeded, match="600,000 bytes") as refused:
        submit(HUGE)
    assert (refused.value.field, refused.value.code) == ("prompt", "context_length_exceeded")
    assert not tokenized


def test_one_that_cannot_fit_spares_the_others(submit, tokenized):
    with pytest.raises(ContextLengthExceeded):
        submit(["The water", HUGE])
    assert not tokenized


def test_a_list_is_tokenized_up_to_the_first_that_does_not_fit(submit, tokenized):
    with pytest.raises(ContextLengthExceeded):
        submit(["fine", "x" * (CONTEXT_LENGTH + 1), "never looked at"])
    assert len(tokenized) == 2


@pytest.mark.parametrize("prompt", ["a", [2]])
def test_a_list_has_so_many_prompts_at_most(submit, tokenized, prompt):
    with pytest.raises(BadParameter, match=f"At most {MAX_CHOICES} prompts"):
        submit([prompt] * (MAX_CHOICES + 1))
    assert not tokenized


def test_a_list_has_so_many_bytes_at_most(submit, tokenized, settings):
    settings.PROMPT_BYTES_PER_MINUTE = 1000
    with pytest.raises(BadParameter, match="Send fewer prompts at once"):
        submit(["a word " * 10] * 20)
    assert not tokenized


def test_ids_are_measured_before_each_is_looked_at(submit):
    with pytest.raises(ContextLengthExceeded):
        submit([-1] * 100_000)


def test_refused_texts_are_counted(submit, tokenized, settings, hosted, now):
    settings.PROMPT_BYTES_PER_MINUTE = 1000
    for _ in range(20):
        with pytest.raises((ContextLengthExceeded, QuotaExceeded)):
            submit("x " * CONTEXT_LENGTH)
    assert 0 < len(tokenized) < 20
    with pytest.raises(QuotaExceeded, match="At most 1,000 bytes") as refused:
        submit("The water")
    assert 0 < refused.value.retry_after_seconds <= 60
    submit("The water", person=make_guest(hosted))
    submit("The water", at=now + timedelta(minutes=1))


@pytest.fixture
def asked_first(monkeypatch):
    """Have every text count as long, which the quota is asked before, and not only after."""
    monkeypatch.setattr(preparing, "SOON_TOKENIZED_BYTES", 0)


@pytest.mark.usefixtures("asked_first")
def test_who_has_no_job_to_spare_has_no_long_text_tokenized(submit, tokenized, settings):
    settings.MAX_OPEN_JOBS = 1
    submit("The water")
    tokenized.clear()
    with pytest.raises(QuotaExceeded, match="job open"):
        submit("The water")
    assert not tokenized


@pytest.mark.usefixtures("asked_first")
def test_who_has_no_tokens_to_spare_has_no_long_text_tokenized(submit, tokenized, settings):
    settings.DAILY_TOKENS = 20
    submit([5], max_tokens=9)
    with pytest.raises(QuotaExceeded, match="10 are left today"):
        submit("The water", max_tokens=11)
    assert not tokenized


def test_a_program_is_told_at_once(client, hosted, guest):
    _, secret = make_token(guest, now=timezone.now())
    body = {"model": hosted.full_name, "prompt": HUGE}
    answer = client.post(
        "/v1/completions",
        body,
        "application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "prompt")


def test_the_playground_says_it_beside_the_prompt(client, hosted, guest, tokenized):
    client.force_login(guest)
    form = {"model": hosted.full_name, "prompt": HUGE, "max_tokens": 8, "temperature": 1}
    page = client.post("/playground", {**form, "top_p": 1, "logprobs": 0})
    assert page.status_code == 422
    assert "maximum context length" in page.content.decode()
    assert not tokenized
