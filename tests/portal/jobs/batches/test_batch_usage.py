"""A batch says in OpenAI's form which tokens its lines took, while it runs and ever after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openai.types import Batch as OpenAIBatch

from portal.jobs.batches.advancing import advance_batch
from portal.jobs.batches.public_ids import BATCH_PREFIX, spelt
from portal.jobs.batches.retention import forget_batches
from portal.jobs.models import BatchLine
from tests.factories.accounts import make_token
from tests.factories.batches import make_batch, request_line


@pytest.fixture
def ask(client, guest):
    headers = {"Authorization": f"Bearer {make_token(guest, now=timezone.now())[1]}"}
    return lambda path="": client.get(f"/v1/batches{path}", headers=headers).json()


@pytest.fixture
def usage(ask):
    def read(batch):
        shown = OpenAIBatch.model_validate(ask(f"/{spelt(BATCH_PREFIX, batch.pk)}"), strict=True)
        used = shown.usage
        assert (used.input_tokens_details.cached_tokens) == 0
        assert (used.output_tokens_details.reasoning_tokens) == 0
        assert used.total_tokens == used.input_tokens + used.output_tokens
        return used.input_tokens, used.output_tokens

    return read


def test_tokens_are_added_up_while_it_runs_and_kept_when_its_lines_are_deleted(
    submit, answer, usage, guest, hosted, now
):
    unread = make_batch(guest, [request_line(hosted)], now=now)
    assert usage(unread) == (0, 0)
    batch = submit(2)
    prompts, _ = usage(batch)
    assert prompts > 0
    answer()
    assert usage(batch) == (prompts, 2)
    answer(error="The engine broke.")
    advance_batch(batch.pk, now)
    assert usage(batch) == (prompts, 4)
    forget_batches(now + timedelta(days=40))
    assert not BatchLine.objects.filter(batch=batch).exists()
    assert usage(batch) == (prompts, 4)


def test_a_batch_that_an_earlier_version_ended_is_added_up_too(submit, answer, usage, now):
    batch = submit(1)
    answer()
    advance_batch(batch.pk, now)
    before = usage(batch)
    type(batch).objects.filter(pk=batch.pk).update(prompt_tokens=None, completion_tokens=None)
    forget_batches(now + timedelta(days=40))
    assert usage(batch) == before


def test_a_list_of_batches_adds_up_in_one_query(submit, ask, django_assert_num_queries, settings):
    settings.MAX_OPEN_BATCHES = 5
    submit(1)
    ask()
    with CaptureQueriesContext(connection) as few:
        ask()
    for _ in range(3):
        submit(1)
    with django_assert_num_queries(len(few)):
        assert len(ask()["data"]) == 4
