"""Serve the family's own folders by a real worker, as transformers reads them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.jobs import hosting
from portal.jobs.models import Job
from tests.factories.jobs import make_guest, make_hosted, make_job
from tests.inference.folders.compare import NEW_TOKENS, PROMPTS, theirs
from tests.inference.folders.forms import PUBLISHED
from tests.inference.folders.publishable import publishable
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("name", "converted"),
    [
        (PUBLISHED, True),
        ("save_model", False),
        ("two special tokens added", False),
        ("ends in the generation config", False),
    ],
)
def test_a_hosted_folder_says_what_transformers_says(
    name, converted, start_worker, ended, tmp_path
):
    folder = publishable(name, tmp_path, converted=converted)
    repo = make_hosted(folder, live=False)
    start_worker()
    wait_until(lambda: hosting.ready_commit(repo.full_name), 60, "a loaded model")
    expected = theirs(folder)
    fields = {"prompt": PROMPTS, "temperature": 0, "max_tokens": NEW_TOKENS}
    job = ended(make_job(repo, make_guest(repo), now=timezone.now(), **fields))
    assert job.state == Job.State.SUCCEEDED
    assert [event["tokens"] for event in job.events] == expected.said
    assert [event["text"] for event in job.events] == expected.texts
