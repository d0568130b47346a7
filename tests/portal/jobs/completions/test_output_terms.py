"""Outputs carry the licence terms that they are under."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from django.utils import timezone
from openai.types import Completion

from portal.catalog.services.licences import publish_licence_version
from portal.jobs.hosting import hosted_model
from portal.jobs.openai.completions import Reply
from portal.jobs.streaming.event_log import ChoiceEvent
from portal.jobs.terms import metadata, terms_of
from tests.factories.accounts import make_user
from tests.factories.catalog import TERMS
from tests.factories.jobs import make_guest, make_hosted, make_job

SENTENCE = "Outputs are noncommercial too."


@pytest.fixture
def newer(hosted):
    return publish_licence_version(
        actor=make_user(superuser=True),
        slug=hosted.licence.slug,
        version="2.0",
        text="You may still study it.",
        attribution="The newer notice.",
        terms={**TERMS, "outputs": SENTENCE},
        now=timezone.now(),
    )


def reply_to(job):
    return Reply(job, hosted_model(job.revision), metadata(terms_of(job)))


def test_a_whole_reply_names_the_licence(hosted, settings):
    job = make_job(hosted, make_guest(hosted), now=timezone.now())
    version = hosted.licence.versions.get()
    job.keep_result([asdict(ChoiceEvent(0, tokens=[5], text="a", finish_reason="length"))])
    content = json.loads(reply_to(job).whole(job))
    licence = content["x_weightgate"]["licence"]
    assert licence == {
        "name": "Noncommercial Research Licence",
        "version": "1.0",
        "sha256": version.sha256,
        "url": f"{settings.BASE_URL}/licences/noncommercial/1.0",
        "attribution": version.attribution,
        "outputs": "Outputs carry the licence’s terms.",
    }
    parsed = Completion.model_validate(content)
    assert parsed.model_extra["x_weightgate"]["licence"] == licence


def test_a_stream_names_it_where_a_choice_and_where_the_stream_ends(hosted):
    job = make_job(hosted, make_guest(hosted), now=timezone.now())
    reply = reply_to(job)
    assert "x_weightgate" not in reply.chunk(ChoiceEvent(0, tokens=[5], text="a"))
    last = reply.chunk(ChoiceEvent(0, position=1, offset=1, finish_reason="stop"))
    assert last["x_weightgate"]["licence"]["version"] == "1.0"
    assert reply.last_chunk(job, include_usage=True)["x_weightgate"] == last["x_weightgate"]


def test_the_text_that_was_signed_governs_and_not_a_newer_one(hosted, newer):
    job = make_job(hosted, make_guest(hosted), now=timezone.now())
    assert terms_of(job).version == "1.0"
    job.person = make_user()  # who signed nothing, as where the gate is open
    assert terms_of(job) == newer
    assert metadata(newer)["x_weightgate"]["licence"]["outputs"] == SENTENCE


def test_without_a_licence_there_is_nothing_to_carry(db, model):
    repo = make_hosted(model, gate="open", licence=None)
    job = make_job(repo, make_user(), now=timezone.now())
    reply = reply_to(job)
    job.keep_result([asdict(ChoiceEvent(0, tokens=[5], finish_reason="length"))])
    whole = json.loads(reply.whole(job))
    assert whole["choices"][0]["finish_reason"] == "length"
    assert "x_weightgate" not in whole


def test_the_jobs_page_says_it_with_a_link(hosted, client):
    guest = make_guest(hosted)
    job = make_job(hosted, guest, now=timezone.now())
    client.force_login(guest)
    page = client.get(f"/playground/{job.pk}").text
    assert '<a href="/licences/noncommercial/1.0">Noncommercial Research Licence 1.0</a>' in page
    assert hosted.licence.versions.get().attribution in page
