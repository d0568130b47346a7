"""Workers tell who serves what, for as long as they live; operators and programs read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.catalog.models import Revision
from portal.catalog.services.repos import configure_repo
from portal.jobs.hosting import hosted_model
from portal.jobs.serving.servers import (
    LIVE,
    ModelServer,
    announce_server,
    live_servers,
    withdraw_server,
)
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, make_user, the_operator
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_hosted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_servers():
    redis_client().flushdb()


@pytest.fixture
def hosted(model):
    return make_hosted(model)


def server(repo, worker="host:1", **changed):
    commit = Revision.objects.get(repo=repo).commit
    fields = {"engine": "vllm", "capabilities": ("logprobs",), "state": "ready"}
    since = timezone.now() - timedelta(minutes=5)
    return ModelServer(worker, repo.full_name, commit, since=since, **(fields | changed))


def test_several_workers_of_one_model_are_listed(hosted):
    now = timezone.now()
    servers = [server(hosted, worker) for worker in ("host:1", "host:2")]
    for one in servers:
        announce_server(one, now)
    assert live_servers(now) == servers
    withdraw_server("host:1")
    assert live_servers(now) == servers[1:]


def test_a_worker_that_says_nothing_any_more_is_gone(hosted):
    now = timezone.now()
    announce_server(server(hosted), now)
    assert live_servers(now + LIVE)
    assert live_servers(now + LIVE + timedelta(seconds=1)) == []


def test_a_worker_with_less_context_bounds_prompts(hosted):
    revision = Revision.objects.get(repo=hosted)
    assert hosted_model(revision).context_length == CONTEXT_LENGTH
    announce_server(server(hosted, context_length=40), timezone.now())
    assert hosted_model(revision).context_length == 40


def described(repo):
    _, secret = make_token(make_guest(repo), now=timezone.now())
    from django.test import Client

    answer = Client().get(
        f"/v1/models/{repo.full_name}", headers={"Authorization": f"Bearer {secret}"}
    )
    return answer.json()["x_weightgate"]


def test_programs_read_the_engine_what_it_can_do_and_the_models_shape(hosted):
    told = described(hosted)
    assert told["engine"] == "native"
    assert {"capture", "interventions", "prompt_logprobs"} <= set(told["capabilities"])
    assert told["config"] == {
        "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "ffn_dim": 64,
        "vocab_size": told["config"]["vocab_size"], "max_position_embeddings": CONTEXT_LENGTH,
        "head_dim": 8,
    }  # fmt: skip


def test_an_engine_that_is_set_is_told_without_a_worker(hosted):
    configure_repo(actor=the_operator(), repo_id=hosted.pk, now=timezone.now(), engine="vllm")
    told = described(hosted)
    assert (told["engine"], "config" in told) == ("vllm", False)
    assert "capture" not in told["capabilities"]
    assert "structured_outputs" in told["capabilities"]


def test_a_worker_says_by_which_engine_it_serves(hosted):
    announce_server(server(hosted), timezone.now())
    told = described(hosted)
    assert (told["engine"], told["capabilities"]) == ("vllm", ["logprobs"])


def test_operators_see_who_serves_what(client, hosted):
    announce_server(server(hosted, "gpu-7:41", context_length=40), timezone.now())
    announce_server(server(hosted, "gpu-8:41", state="loading"), timezone.now())
    client.force_login(make_user(superuser=True))
    text = " ".join(client.get(reverse("jobs:serving")).text.split())
    for said in ("gpu-7:41", "gpu-8:41", "Ready", "Loading", "vllm", "40 token", hosted.full_name):
        assert said in text.replace("\u00a0", " ")


def test_what_nobody_serves_is_listed(client, model):
    repo = make_hosted(model, live=False)
    client.force_login(make_user(superuser=True))
    text = client.get(reverse("jobs:serving")).text
    assert "No worker serves a model now" in text
    assert repo.full_name in text
