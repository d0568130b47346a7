"""A model is served by the engine that its lab chose, else by that of its architecture."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.engine_choice import engine_of
from portal.catalog.services.repos import configure_repo
from portal.errors import FieldErrors
from tests.factories.accounts import make_user, the_operator
from tests.factories.catalog import make_folder, make_repo, make_revision
from workers.generate import find_hosted

pytestmark = pytest.mark.django_db
LLAMA = {"config.json": '{"model_type": "llama", "max_position_embeddings": 64, "vocab_size": 9}'}


def published(tmp_path, name="model", **files):
    repo = make_repo(name)
    return repo, make_revision(repo, make_folder(tmp_path / name, **files))


def test_opt_is_native_and_others_are_vllms(tmp_path):
    assert engine_of(*published(tmp_path, "opt")) == "native"
    assert engine_of(*published(tmp_path, "llama", **LLAMA)) == "vllm"


def test_what_is_set_wins_and_is_on_record(tmp_path):
    repo, revision = published(tmp_path)
    repo = configure_repo(actor=the_operator(), repo_id=repo.pk, now=timezone.now(), engine="vllm")
    assert engine_of(repo, revision) == "vllm"
    [event] = AuditEvent.objects.filter(type="repo.configured")
    assert event.data["changed"] == {"engine": "vllm"}


def test_an_engine_that_there_is_not_is_refused(tmp_path):
    repo, _ = published(tmp_path)
    with pytest.raises(FieldErrors) as refused:
        configure_repo(actor=the_operator(), repo_id=repo.pk, now=timezone.now(), engine="jax")
    assert "engine" in refused.value.errors


def test_the_command_sets_it_and_says_which_workers_serve(tmp_path):
    repo, revision = published(tmp_path)
    actor, out = make_user("operator", superuser=True), io.StringIO()
    call_command("host", repo.full_name, "--as", actor.username, "--engine", "vllm", stdout=out)
    assert "WEIGHTGATE_ENGINE=vllm" in out.getvalue()
    repo.refresh_from_db()
    assert (repo.hosted, engine_of(repo, revision)) == (True, "vllm")
    call_command("host", repo.full_name, "--as", actor.username, "--engine", "auto", stdout=out)
    repo.refresh_from_db()
    assert engine_of(repo, revision) == "native"


def test_a_worker_serves_only_models_of_its_engine(tmp_path, settings):
    settings.HOSTED_MODEL = ""
    opt, _ = published(tmp_path, "opt")
    llama, _ = published(tmp_path, "llama", **LLAMA)
    for repo in (opt, llama):
        configure_repo(actor=the_operator(), repo_id=repo.pk, now=timezone.now(), hosted=True)
    settings.ENGINE = "native"
    assert find_hosted().repo == opt
    settings.ENGINE = "vllm"
    assert find_hosted().repo == llama
    settings.HOSTED_MODEL = opt.full_name
    assert find_hosted() is None
