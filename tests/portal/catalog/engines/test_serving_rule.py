"""A worker loads only what its engine has tried; else prompts are refused in words."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.quarantine.load_results import why_not_loaded
from portal.catalog.services.repos import configure_repo
from portal.errors import FieldErrors
from portal.jobs import hosting
from portal.jobs.errors import ModelUnloadable
from portal.jobs.models import Job
from portal.jobs.serving.giving_up import give_up_jobs
from portal.redis_client import redis_client
from tests.factories.accounts import make_user, the_operator
from tests.factories.catalog import make_folder, make_repo, make_revision
from tests.factories.jobs import make_hosted, make_job, tiny_model
from workers.generate import find_hosted

pytestmark = pytest.mark.django_db
LOADED = {"result": "loaded", "engine": "native"}
BY_VLLM = {"result": "loaded", "engine": "vllm"}
UNCHECKED = {"result": "unchecked", "engine": "vllm", "reason": "there was no memory"}


@pytest.fixture
def repo(tmp_path):
    redis_client().flushdb()
    return make_repo("opt", gate="open")


@pytest.fixture
def publish(repo, tmp_path):
    def publish(check, **files):
        number = repo.revisions.count()
        folder = make_folder(tmp_path / f"in{number}", **{"notes.txt": f"{number}", **files})
        revision = make_revision(repo, folder)
        tell(revision, check)
        return revision

    return publish


def tell(revision, check):
    record(
        EventType.REVISION_TRIED,
        actor=the_operator(),
        target=revision,
        at=timezone.now(),
        repo=revision.repo.full_name,
        commit=revision.commit,
        load_check=check,
    )


def configure(repo, **settings):
    return configure_repo(actor=the_operator(), repo_id=repo.pk, now=timezone.now(), **settings)


@pytest.mark.parametrize(
    ("engine", "check", "why"),
    [
        ("", LOADED, ""),
        ("", {"result": "loaded"}, ""),  # from before there was more than one engine
        ("", {"result": "read"}, ""),
        ("", {"result": "skipped", "reason": "too large"}, ""),
        ("vllm", {"result": "skipped", "reason": "too large"}, ""),
        ("vllm", {}, ""),
        ("vllm", BY_VLLM, ""),
        ("vllm", LOADED, "It was tried by the engine native, and vllm is to serve it"),
        ("", BY_VLLM, "It was tried by the engine vllm, and native is to serve it"),
        ("vllm", UNCHECKED, "Not checked by the engine that is to serve it: there was no memory"),
        ("vllm", {"result": "read", "engine": "vllm", "reason": "unknown"}, "did not load them"),
        ("", {"result": "failed", "engine": "native", "reason": "torn"}, "doesn’t load it: torn"),
    ],
)
def test_the_rule(repo, publish, engine, check, why):
    revision = publish(check)
    repo.engine = engine
    said = why_not_loaded(repo, revision)
    assert (why in said) if why else (said == "")


def test_the_newest_trial_by_the_engine_counts_also_for_the_same_files(repo, publish):
    revision = publish(LOADED)
    repo.engine = "vllm"
    assert why_not_loaded(repo, revision)
    tell(revision, BY_VLLM)
    assert why_not_loaded(repo, revision) == ""
    repo.engine = ""
    assert why_not_loaded(repo, revision) == ""
    newer = publish({"result": "same"})
    for repo.engine in ("", "vllm"):
        assert why_not_loaded(repo, newer) == ""


def test_an_engine_that_has_not_tried_a_hosted_model_is_not_set(repo, publish, settings):
    settings.VLLM = ""
    revision = publish(LOADED)
    configure(repo, hosted=True)
    with pytest.raises(FieldErrors) as refused:
        configure(repo, engine="vllm")
    assert f"try_load {repo.full_name} --engine vllm" in refused.value.errors["engine"]
    make_user("operator", superuser=True)
    with pytest.raises(CommandError, match="Not checked"):
        command("try_load", repo.full_name, "--engine", "vllm")
    tell(revision, BY_VLLM)
    assert configure(repo, engine="vllm").engine == "vllm"


def command(*words):
    call_command(*words, "--as", "operator", stdout=io.StringIO())


def test_a_worker_serves_on_what_it_holds_and_never_loads_what_was_not_tried(repo, publish):
    first = publish(LOADED)
    configure(repo, hosted=True)
    held = find_hosted()
    assert held.revision == first
    second = publish(UNCHECKED)
    assert find_hosted() is None
    assert find_hosted(held) == held
    tell(second, LOADED)
    assert find_hosted(held).revision == second


def test_prompts_are_refused_in_words_while_nothing_may_be_loaded(repo, publish):
    publish(LOADED)
    configure(repo, hosted=True)
    guest = make_user()
    hosting.beat(repo.full_name, state=hosting.LOADING, commit="x")
    publish(UNCHECKED)
    redis_client().flushdb()
    with pytest.raises(ModelUnloadable, match="not checked by the engine"):
        make_job(repo, guest, now=timezone.now())


def test_a_job_that_waits_ends_with_the_reason(db, tmp_path):
    redis_client().flushdb()
    repo = make_hosted(tiny_model(tmp_path / "model"))
    job = make_job(repo, now=timezone.now())
    redis_client().flushdb()  # no worker is there any more
    tell(make_revision(repo, make_folder(tmp_path / "newer")), UNCHECKED)
    assert give_up_jobs(timezone.now()) == 1
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "not checked by the engine that is to serve it" in job.error


def test_the_page_of_settings_says_so(repo, publish):
    publish(LOADED)
    configure(repo, hosted=True)
    client = Client()
    client.force_login(the_operator())
    address = f"/{repo.full_name}/settings"
    assert "No worker loads" not in client.get(address).text
    publish(UNCHECKED)
    page = client.get(address).text
    assert "No worker loads the newest revision." in page
    assert "there was no memory" in page
