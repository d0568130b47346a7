"""Reports of what goes wrong name a prompt’s job, and never quote the prompt."""

from __future__ import annotations

import json
import logging

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.base import Cursor
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.debug import get_exception_reporter_class

from inference.engine.outputs import EngineRequest, TokenEvent
from inference.tokenizer import Tokenizer
from portal.accounts.tokens.authentication import Caller
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.services import JobResult, create_job, finish_job, sweep
from portal.jobs.streaming.event_log import (
    BEGINNING,
    ChoiceEvent,
    JobEnd,
    LogItem,
    append,
    log_key,
)
from portal.observability.private_words import formatted, may_quote
from portal.redis_client import redis_client
from portal.site.operators.records import COLUMNS
from tests.factories.accounts import make_token
from tests.factories.jobs import claim, make_guest, make_job
from tests.portal.jobs.completions.bad_fields import BAD
from tests.portal.jobs.privacy.canary import CANARY, FIELDS, all_logged, require_unseen
from workers.runs import Run

log = logging.getLogger(__name__)


@pytest.fixture
def written():
    with all_logged() as lines:
        yield lines


@pytest.fixture
def post(hosted):
    _, secret = make_token(make_guest(hosted), now=timezone.now())
    client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)

    def send(body):
        content = body if isinstance(body, bytes) else json.dumps({"model": str(hosted)} | body)
        return client.post("/v1/completions", content, "application/json")

    return send


def test_a_body_that_is_refused(written, post):
    bodies = [{"prompt": CANARY, "stop": [CANARY], field: value} for field, value in BAD]
    bodies += [{"prompt": CANARY, "logit_bias": {CANARY: 1}}, {"prompt": {CANARY: CANARY}}]
    bodies += [{"prompt": CANARY, "stop": {CANARY: CANARY}}, {"prompt": [CANARY, 5]}]
    sent = [
        *bodies,
        f'{{"prompt": "{CANARY}"'.encode(),
        f'{{"prompt": "{CANARY}\xff'.encode("latin-1"),
    ]
    for body in sent:
        answer = post(body)
        assert answer.status_code == 400, body
        require_unseen(answer.content.decode())
    require_unseen(str(written))


def test_a_fault_of_ours_while_it_is_read(written, post, monkeypatch):
    def failing(tokenizer, text):
        raise UnicodeError(f"can’t encode {text}")

    monkeypatch.setattr(Tokenizer, "encode", failing)
    answer = post(FIELDS)
    assert answer.status_code == 500
    require_unseen(answer.content.decode())
    assert "UnicodeError: ***" in str(written)
    require_unseen(str(written))


def test_a_row_that_the_database_refuses(written, hosted):
    job = make_job(hosted, now=timezone.now(), **FIELDS)
    try:
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(state="failed", ended_at=timezone.now())
    except IntegrityError:
        log.exception("It failed")  # of code that knows nothing of prompts
    assert "Failing row contains ***" in str(written)
    require_unseen(str(written), job)


def test_statements_that_store_it(hosted, monkeypatch):
    """PostgreSQL logs a statement that fails, so these come to it without their values."""
    statements = []
    execute = Cursor.execute

    def noted(cursor, query, params=None, **more):
        statements.append(cursor.mogrify(query, params))
        return execute(cursor, query, params, **more)

    monkeypatch.setattr(Cursor, "execute", noted)
    job = make_job(hosted, now=timezone.now(), **FIELDS)
    claimed = claim(hosted, now=timezone.now())
    result = JobResult([ChoiceEvent(0, tokens=[1], text=CANARY)])
    finish_job(job_id=job.pk, attempt=claimed.attempt, result=result, now=timezone.now())
    assert any("jobs_job" in statement for statement in statements)
    require_unseen("\n".join(statements), job)
    job.refresh_from_db()
    assert job.events[0]["text"] == CANARY


def test_one_that_expires(written, hosted, settings):
    job = make_job(hosted, now=timezone.now(), **FIELDS)
    sweep(now=timezone.now() + 2 * settings.JOB_QUEUE_LIMIT)
    job.refresh_from_db()
    assert job.state == Job.State.EXPIRED
    require_unseen(str(written) + job.error, job)


def test_an_event_that_redis_refuses(written, hosted):
    job = make_job(hosted, now=timezone.now(), **FIELDS)
    redis_client().set(log_key(job.pk), "no stream")
    append([(job.pk, ChoiceEvent(0, tokens=[1], text=CANARY))])
    assert "Events were not passed on, the row will have them: ResponseError" in str(written)
    require_unseen(str(written))


def test_an_error_in_the_message_of_a_line(written):
    """Celery and asyncio put an error's words into the line itself."""
    namespace = {"__name__": "portal.jobs.somewhere"}
    exec("def fail(words): raise KeyError(words)", namespace)  # noqa: S102 (a frame of that module)
    try:
        namespace["fail"](CANARY)
    except KeyError as error:
        log.exception("Task failed: %r, %s", error, error)
    require_unseen(str(written))
    assert "KeyError: ***" in str(written)


def test_words_that_quote_nothing_are_kept():
    namespace = {"__name__": "workers.loop"}
    exec("def fail(error): raise error", namespace)  # noqa: S102
    for error in (ConnectionError("no route"), MemoryError("2 GiB")):
        try:
            namespace["fail"](error)
        except type(error):
            assert formatted(error).endswith(f"{type(error).__name__}: {error}")
            assert may_quote(error)


def test_how_python_spells_what_holds_it(hosted):
    job = make_job(hosted, now=timezone.now(), **FIELDS)
    event = ChoiceEvent(0, tokens=[1], text=CANARY, stop_reason=CANARY)
    run = Run.of(job)
    run.events[0] = event
    request = parse_completion({"model": "a/b", **FIELDS})
    for thing in (
        job,
        event,
        run,
        request,
        LogItem(BEGINNING, event=event),
        JobResult(events=[event]),
        EngineRequest(job.prompts[0], run._sampling),
        TokenEvent("1", text=CANARY, logprobs=None),
        JobEnd("failed", "Its worker was lost."),
    ):
        require_unseen(f"{thing!r} {thing}", job)


def test_a_page_for_debugging(hosted, settings, monkeypatch):
    settings.DEBUG = True

    def failing(tokenizer, text):
        raise UnicodeError("it can’t be read")

    monkeypatch.setattr(Tokenizer, "encode", failing)
    completion = parse_completion({"model": str(hosted), **FIELDS})
    request = RequestFactory().post("/playground", {"prompt": CANARY})
    try:
        caller = Caller(make_guest(hosted))
        create_job(caller=caller, completion_request=completion, now=timezone.now())
    except UnicodeError as error:
        reporter = get_exception_reporter_class(request)(
            request, type(error), error, error.__traceback__
        )
        shown = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "UnicodeError" in shown
    require_unseen(shown)


def test_the_admin_shows_no_column_that_holds_prompts_or_texts():
    assert set(COLUMNS[Job]) == {
        *("repo", "person", "state", "created_at", "started_at", "ended_at", "worker"),
    }
    assert not any(model._meta.app_label == "jobs" for model in COLUMNS if model is not Job)
