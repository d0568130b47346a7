"""A model that vLLM is to serve is tried by vLLM, or published as unchecked and not hosted."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.engine_choice import trying_engine
from portal.catalog.models import LoadTrial, Revision
from portal.catalog.quarantine.looking import look_at
from portal.catalog.services.lookup import contents_of
from portal.catalog.services.repos import configure_repo
from portal.errors import FieldErrors
from tests.factories.accounts import make_user, the_operator
from tests.factories.catalog import make_repo
from tests.factories.llamas import tiny_llama
from tests.inference.engines.conftest import NO_VLLM, VLLM

pytestmark = pytest.mark.django_db
ARGS = ("--enforce-eager", "--max-model-len", "96", "--dtype", "float32")


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture
def repo(settings, tmp_path):
    settings.VAR, settings.VLLM = tmp_path / "var", ""
    make_user("operator", superuser=True)
    return make_repo("llama", gate="open")


def run(command, *words):
    out = io.StringIO()
    call_command(command, *words, "--as", "operator", stdout=out)
    return out.getvalue()


def publish(repo, folder):
    return run("publish", folder, "--repo", repo.full_name, "--licensor")


def program(tmp_path, script):
    path = tmp_path / "vllm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def result():
    return AuditEvent.objects.get(type="revision.published").data["load_check"]


def test_without_vllm_it_is_published_unchecked_and_says_so_everywhere(repo, llama):
    assert "Not checked by the engine that is to serve it: vLLM" in publish(repo, llama)
    assert (result()["result"], result()["engine"]) == ("unchecked", "vllm")
    revision = Revision.objects.get()
    page = Client().get(f"/{repo.full_name}/verify/{revision.commit}").text
    assert "Not checked by the engine that is to serve it" in page
    told = Client().get(f"/api/v1/models/{repo.full_name}/").json()["load_check"]
    assert (told["result"], told["engine"]) == ("unchecked", "vllm")
    assert "isn’t configured" in told["reason"]


def test_what_was_not_checked_is_not_hosted(repo, llama):
    publish(repo, llama)
    with pytest.raises(FieldErrors) as refused:
        configure_repo(actor=the_operator(), repo_id=repo.pk, now=timezone.now(), hosted=True)
    assert f"try_load {repo.full_name}" in refused.value.errors["hosted"]
    with pytest.raises(CommandError, match="Not checked"):
        run("host", repo.full_name)
    repo.refresh_from_db()
    assert not repo.hosted


def test_trying_it_again_without_vllm_changes_nothing(repo, llama):
    publish(repo, llama)
    with pytest.raises(CommandError, match="Not checked"):
        run("try_load", repo.full_name)
    assert AuditEvent.objects.filter(type="revision.tried").count() == 1


def test_the_same_weights_in_a_newer_revision_are_as_unchecked(repo, llama, tmp_path):
    publish(repo, llama)
    contents = list(contents_of(Revision.objects.get()).values())
    verdict = look_at(
        contents, before=[], allow_pickle=False, now=timezone.now(), advance=lambda path, size: None
    )
    assert verdict.facts["load_check"]["result"] == "unchecked"
    assert not LoadTrial.objects.exists()


def test_what_vllm_says_of_a_model_that_it_cannot_load_refuses_it(repo, llama, settings, tmp_path):
    settings.VLLM = program(tmp_path, "echo 'ValueError: the rope is torn'; exit 1")
    with pytest.raises(
        CommandError, match=r"vLLM ended \(status 1\): ValueError: the rope is torn"
    ):
        publish(repo, llama)
    assert not Revision.objects.exists()


def test_an_architecture_that_vllm_does_not_have_is_no_fault(repo, llama, settings, tmp_path):
    settings.VLLM = program(
        tmp_path, "echo 'ValueError: Model architectures [X] are not supported for now'; exit 1"
    )
    assert "the engine did not load them" in publish(repo, llama)
    assert result()["result"] == "read"


def test_without_memory_for_the_check_it_is_unchecked(repo, llama, settings, tmp_path):
    settings.VLLM = program(tmp_path, "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1")
    assert "no memory free for vLLM" in publish(repo, llama)
    assert result()["result"] == "unchecked"


@pytest.mark.skipif(not VLLM, reason=NO_VLLM)
@pytest.mark.timeout(500)
def test_vllm_tries_it_at_publishing_or_later_and_then_it_is_hosted(repo, llama, settings):
    publish(repo, llama)
    settings.VLLM, settings.VLLM_ARGS = VLLM, ARGS
    assert "loaded the stored files" in run("try_load", repo.full_name)
    assert AuditEvent.objects.get(type="revision.tried").data["load_check"]["result"] == "loaded"
    assert "is hosted" in run("host", repo.full_name)


def test_only_architectures_that_write_text_are_tried_in_vllm(repo, llama, tmp_path):
    publish(repo, llama)
    contents = list(contents_of(Revision.objects.get()).values())
    assert trying_engine(contents, "") == "vllm"
    assert trying_engine(contents, "native") == "native"
    assert trying_engine([], "") == "native"  # which says what is wrong with it
