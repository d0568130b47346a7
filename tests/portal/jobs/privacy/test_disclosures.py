"""An operator reads one job's texts with a reason, and its writer is told who, when and why."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.errors import FieldErrors, Forbidden, InvalidTransition
from portal.jobs.batches.advancing import advance_batch
from portal.jobs.disclosure.models import JobDisclosure
from portal.jobs.disclosure.services import ask_disclosure, confirm_disclosure, read_disclosed
from portal.jobs.errors import DisclosureNotFound
from portal.jobs.models import Job, StoredFile
from portal.jobs.services import JobResult, finish_job
from portal.jobs.services.forgetting import forget
from portal.jobs.streaming.event_log import ChoiceEvent
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.batches import make_batch, request_line
from tests.factories.catalog import make_reviewer
from tests.factories.jobs import claim, make_guest, make_job
from tests.portal.jobs.privacy.canary import CANARY, FIELDS

REASON = "Abuse was reported to us."
HOUR = timedelta(hours=1)


@pytest.fixture
def job(hosted):
    now = timezone.now()
    made = make_job(hosted, make_guest(hosted), now=now, **FIELDS)
    claimed = claim(hosted, now=now)
    result = JobResult([ChoiceEvent(0, tokens=[1], text=f"Out {CANARY}", finish_reason="stop")])
    return finish_job(job_id=made.pk, attempt=claimed.attempt, result=result, now=now)


@pytest.fixture
def operator(db):
    return make_user("first-operator", superuser=True)


@pytest.fixture
def other(db):
    return make_user("second-operator", superuser=True)


@pytest.fixture
def page():
    def of(person):
        client = Client()
        client.force_login(person)
        return client

    return of


def events(job) -> list[str]:
    rows = AuditEvent.objects.filter(target_id=str(job.pk), type__startswith="disclosure.")
    found = list(rows.order_by("sequence"))
    assert CANARY not in str([event.data for event in found])
    assert REASON not in str([event.data for event in found])
    return [event.type for event in found]


def test_one_with_a_reason_is_open_for_an_hour_and_each_reading_is_on_record(job, operator, now):
    disclosure = ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    again = ask_disclosure(actor=operator, job_id=job.pk, reason="Another.", now=now)
    assert again == disclosure
    for _ in range(2):
        [text] = read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now)
        assert CANARY in text.prompt
        assert text.outputs == [f"Out {CANARY}"]
        assert CANARY not in repr(text)
    assert events(job) == ["disclosure.asked", "disclosure.read", "disclosure.read"]
    with pytest.raises(InvalidTransition, match="hour is over"):
        read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now + HOUR)


def test_the_writer_is_told_at_once_who_why_and_until_when(job, operator, now):
    ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    letter = OutboxMessage.objects.get(kind="prompt_disclosed")
    assert (letter.recipient, letter.due_at) == (job.person, now)
    for fact in (operator.display_name, REASON, str(job.pk), "2026-11-23 11:00 UTC"):
        assert fact in " ".join(letter.text.split())
    assert CANARY not in letter.text + letter.html + letter.subject


def test_where_two_are_asked_for_another_operator_confirms(job, operator, other, now, settings):
    settings.DISCLOSURE_BY_TWO = True
    disclosure = ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    assert not OutboxMessage.objects.filter(kind="prompt_disclosed").exists()
    with pytest.raises(InvalidTransition):
        read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now)
    with pytest.raises(Forbidden, match="another operator"):
        confirm_disclosure(actor=operator, disclosure_id=disclosure.pk, now=now)
    for _ in range(2):
        confirm_disclosure(actor=other, disclosure_id=disclosure.pk, now=now)
    assert read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now)
    with pytest.raises(DisclosureNotFound):
        read_disclosed(actor=other, disclosure_id=disclosure.pk, now=now)
    assert events(job) == ["disclosure.asked", "disclosure.confirmed", "disclosure.read"]
    letter = OutboxMessage.objects.get(kind="prompt_disclosed")
    assert f"confirmed by {other.display_name}" in " ".join(letter.text.split())


def test_after_a_day_nobody_confirms_it_any_more(job, operator, other, now, settings):
    settings.DISCLOSURE_BY_TWO = True
    disclosure = ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    with pytest.raises(InvalidTransition, match="awaits nobody"):
        confirm_disclosure(actor=other, disclosure_id=disclosure.pk, now=now + timedelta(days=1))


def test_one_who_is_no_operator_any_more_reads_nothing(job, operator, now):
    disclosure = ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    operator.is_superuser = False
    operator.save()
    with pytest.raises(Forbidden):
        read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now)


def test_without_a_reason_or_a_job_nothing_is_opened(job, operator, now, hosted):
    with pytest.raises(FieldErrors) as refused:
        ask_disclosure(actor=operator, job_id=job.pk, reason=" ", now=now)
    assert "reason" in refused.value.errors
    with pytest.raises(FieldErrors) as refused:
        ask_disclosure(actor=operator, job_id=uuid4(), reason=REASON, now=now)
    assert "job" in refused.value.errors
    for person in (make_user(), make_reviewer(hosted)):
        with pytest.raises(Forbidden):
            ask_disclosure(actor=person, job_id=job.pk, reason=REASON, now=now)
    assert not JobDisclosure.objects.exists()


def test_what_is_forgotten_is_not_there_to_read(job, operator, now):
    disclosure = ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    forget(Job.objects.filter(pk=job.pk))
    assert read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now) == []


def test_for_what_is_forgotten_nobody_asks_and_no_writer_is_alarmed(job, operator, now):
    forget(Job.objects.filter(pk=job.pk))
    with pytest.raises(FieldErrors) as refused:
        ask_disclosure(actor=operator, job_id=job.pk, reason=REASON, now=now)
    assert "forgotten" in refused.value.errors["job"]
    assert not OutboxMessage.objects.filter(kind="prompt_disclosed").exists()


@pytest.fixture
def line(hosted):
    """Return the job of a batch's line that was answered: its words stand in files alone."""
    now = timezone.now()
    asked = request_line(hosted, n=2, prompt=[f"In {CANARY}", "Two\0"])
    before = request_line(hosted, "first", prompt="Others’")
    batch = make_batch(make_guest(hosted), [before, b"", asked], now=now)
    advance_batch(batch.pk, now)
    while claimed := claim(hosted, now=now):
        texts = [f"Out {choice} of {claimed.pk}\0" for choice in range(4)]
        events = [
            ChoiceEvent(choice, tokens=[1], text=text, finish_reason="stop")
            for choice, text in enumerate(texts[: claimed.n * len(claimed.prompts)])
        ]
        finish_job(job_id=claimed.pk, attempt=claimed.attempt, result=JobResult(events), now=now)
    advance_batch(batch.pk, now)
    job = Job.objects.get(batch=batch, batch_line__custom_id="a")
    assert (job.prompts, list(job.each_event())) == ([], [])
    return job


def test_the_line_of_a_batch_is_read_in_the_batchs_files(line, operator, now):
    disclosure = ask_disclosure(actor=operator, job_id=line.pk, reason=REASON, now=now)

    def read():
        texts = read_disclosed(actor=operator, disclosure_id=disclosure.pk, now=now)
        return [(text.prompt, text.outputs) for text in texts]

    outputs = [[f"Out {choice} of {line.pk}\0" for choice in half] for half in ((0, 1), (2, 3))]
    assert read() == [(f"In {CANARY}", outputs[0]), ("Two\0", outputs[1])]
    StoredFile.objects.filter(purpose="batch").delete()
    assert read() == [("", outputs[0]), ("", outputs[1])]
    StoredFile.objects.all().delete()
    assert read() == []


def test_by_pages(job, operator, other, page, settings):
    settings.DISCLOSURE_BY_TWO = True
    mine, theirs = page(operator), page(other)
    bad = mine.post("/operators/prompts", {"job": "no-id", "reason": ""})
    assert (bad.status_code, b"No job has this id" in bad.content) == (422, True)
    asked = mine.post("/operators/prompts", {"job": f"cmpl-{job.pk.hex}", "reason": REASON})
    there = asked["Location"]
    assert CANARY not in mine.get(there).content.decode()
    assert theirs.post(f"{there}/confirm").status_code == 302
    assert CANARY in mine.get(there).content.decode()
    mine.head(there)
    assert CANARY not in theirs.get(there).content.decode()
    assert events(job).count("disclosure.read") == 1
    assert f"/playground/{job.pk}" not in there
    assert mine.get(f"/playground/{job.pk}").status_code == 404
    listed = theirs.get("/operators/prompts").content.decode()
    assert there in listed
    assert CANARY not in listed
    for path in ("/operators/prompts", there):
        assert page(job.person).get(path).status_code == 403


def test_by_the_api(job, operator, page):
    _, secret = make_token(operator, now=timezone.now())
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    path, form = "/api/v1/disclosures/", "application/json"
    bad = client.post(path, {"job": "no-id", "reason": REASON}, form)
    assert "No job has this id" in bad.json()["error"]["fields"]["job"]
    asked = client.post(path, {"job": f"cmpl-{job.pk.hex}", "reason": REASON}, form).json()
    there = f"/api/v1/disclosures/{asked['id']}/"
    shown = client.get(there)
    assert (shown.json()["reason"], shown.json()["writer"]["username"]) == (
        REASON,
        job.person.username,
    )
    assert CANARY not in shown.content.decode()
    texts = client.get(f"{there}texts/").json()["texts"]
    assert texts[0]["outputs"] == [f"Out {CANARY}"]
    assert events(job) == ["disclosure.asked", "disclosure.read"]
    _, secret = make_token(job.person, now=timezone.now())
    stranger = Client(headers={"Authorization": f"Bearer {secret}"})
    assert stranger.get(f"{there}texts/").status_code == 403
