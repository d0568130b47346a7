"""A prompt of the playground that looks inside ends on a page with pictures of what was seen."""

from __future__ import annotations

import re

import pytest

from portal.jobs.models import Job
from tests.pages import as_shown
from tests.portal.jobs.playground.pages import PLAYGROUND, form


@pytest.fixture
def guest(guest, client):
    client.force_login(guest)
    return guest


@pytest.fixture
def seen(client, hosted, guest, worker, ended):
    """Run a prompt that looks inside, and return its job."""
    answer = client.post(PLAYGROUND, form(hosted, look_inside="on", max_tokens="5"))
    assert answer.status_code == 302, as_shown(answer.text)
    return ended(Job.objects.get())


def page_of(client, job, query=""):
    return as_shown(client.get(f"/playground/{job.pk}{query}").text)


def test_it_shows_where_a_head_looks_and_what_layers_expect(client, seen):
    assert seen.state == Job.State.SUCCEEDED, seen.error
    page = page_of(client, seen)
    assert "Where head 0 of layer 1 looks from the framed token" in page
    assert page.count('aria-current="true"') == 1
    assert 'class="shade-4"' in page
    assert "What each layer expects next" in page
    computed = len(seen.prompts[0]) + seen.completion_tokens - 1
    assert len(re.findall("data-weight=", page)) == computed
    assert "RemoteEngine(" in page
    assert "Set by a program" not in page


def test_another_head_and_token_are_chosen_by_the_address(client, seen):
    page = page_of(client, seen, "?layer=0&head=1&token=2")
    assert "Where head 1 of layer 0 looks" in page
    assert re.search(r'token=2#h-inside" data-weight="\d" title="[^"]*" aria-current', page)
    page = page_of(client, seen, "?layer=x&head=999&token=-4")
    assert "Where head 0 of layer 1 looks" in page


def test_run_again_looks_again(client, seen):
    assert re.search(r'name="look_inside"[^>]*checked', page_of(client, seen))


def test_a_long_text_is_refused_beside_the_box_and_kept(client, hosted, guest, worker):
    long = "many words " * 900
    answer = client.post(PLAYGROUND, form(hosted, look_inside="on", prompt=long))
    assert answer.status_code == 422
    page = as_shown(answer.text)
    assert "too long a text to look inside here" in page
    assert "many words many words" in page
    assert not Job.objects.exists()
