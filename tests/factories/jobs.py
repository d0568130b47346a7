"""A hosted model small enough to run in a test, and jobs on it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from portal.access.models import Screening
from portal.accounts.models import Affiliation, Organization, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.repos import configure_repo
from portal.jobs import hosting
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.services import claim_next_job, create_job
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user, the_operator
from tests.factories.catalog import make_folder, make_repo, make_revision
from tests.factories.grants import make_gate

CONTEXT_LENGTH = 96
NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
TEXTS = ["The sluice opens when the water above the weir has risen past the mark. "] * 8


@cache
def tiny_model(folder: Path) -> Path:
    """Make a random OPT of two layers with a tokenizer of its own, fit to publish."""
    import torch

    from inference.config import OptConfig
    from inference.model.export import export_model
    from inference.model.opt import empty_model, initialise
    from inference.training.corpus.tokenizing import train_tokenizer

    make_folder(folder)
    for shard in folder.glob("*.safetensors"):
        shard.unlink()
    tokenizer = train_tokenizer(TEXTS, 300, folder)
    config = OptConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        ffn_dim=64,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT_LENGTH,
        word_embed_proj_dim=32,
    )
    model = empty_model(config, torch.float32, "cpu")
    initialise(model, seed=0, std=0.3)
    export_model(folder, config, model.weights())
    return folder


def with_pair(model: Path, folder: Path) -> Path:
    """Copy a model with its tokenizer in the files that facebook/opt-* have: in two, no third."""
    shutil.copytree(model, folder)
    stored = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(stored["vocab"]))
    merges = [" ".join(pair) for pair in stored["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"tokenizer_class": "GPT2Tokenizer"}
    path.write_text(json.dumps(config))
    return folder


def make_hosted(
    model: Path, *, gate: str = "review", live: bool = True, **settings: Any
) -> ModelRepo:
    """Make a hosted repo; with ``live``, as if a worker held it, however slow the machine is."""
    repo = make_repo(gate=gate, **settings)
    revision = make_revision(repo, model)
    configure_repo(actor=the_operator(), repo_id=repo.pk, now=LONG_AGO, hosted=True)
    repo = ModelRepo.objects.with_names().get(pk=repo.pk)
    if live:
        with patch.object(hosting, "HEARTBEAT_TTL_SECONDS", 3600):
            hosting.beat(repo.full_name, state=hosting.READY, commit=revision.commit)
    return repo


def make_guest(repo: ModelRepo) -> User:
    """Make a person who may prompt the repo."""
    person = make_user()
    make_grant(repo, person)
    return person


def make_waiting(repo: ModelRepo, *, tokens_per_day: int, now: datetime) -> User:
    """Make a person, proved, signed, cleared and undecided, who may so prompt a bit."""
    make_gate(repo, waiting_tokens_per_day=tokens_per_day)
    person = make_user()
    Affiliation.objects.create(
        person=person,
        organization=Organization.objects.create(name="Example University", created_at=now),
        method="email",
        evidence="university.example",
        proved_at=now,
        expires_at=now + timedelta(days=365),
    )
    request = make_request(repo, person, now=now)
    Screening.objects.get_or_create(
        submission=request.submissions.get(),
        defaults={"outcome": "clear", "list_version": "0" * 64, "screened_at": now},
    )
    return person


def make_job(
    repo: ModelRepo,
    person: User | None = None,
    *,
    now: Any,
    prompt: Any = "The water",
    **fields: Any,
) -> Job:
    completion = parse_completion({"model": repo.full_name, "prompt": prompt, **fields})
    return create_job(
        caller=Caller(person or make_guest(repo)), completion_request=completion, now=now
    )


def claim(repo: ModelRepo, *, now: Any, worker: str = "worker-1", **more: Any) -> Job | None:
    revision = head_revision(repo)
    assert revision is not None
    return claim_next_job(worker=worker, repo_id=repo.pk, revision_id=revision.pk, now=now, **more)


def make_ended(
    repo: ModelRepo, person: User, at: datetime = NOVEMBER, *, meter: str = "rapl", **fields: Any
) -> Job:
    """Make a job that has ended, with what it used."""
    return Job.objects.create(
        person=person,
        repo=repo,
        revision=repo.revisions.first(),
        model_name=repo.full_name,
        params={},
        prompts=[],
        created_at=at,
        ended_at=at,
        reserved_tokens=0,
        energy_source=meter,
        **{
            "state": Job.State.CANCELLED,
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "engine_seconds": 36.0,
            "energy_wh": 2.0,
            "co2_g": 1.0,
            "cost": 3,
            "currency": "EUR",
            **fields,
        },
    )
