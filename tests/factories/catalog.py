"""Repos and revisions, made by the services that make them in life."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save, save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE

from portal.access.models import GateSettings
from portal.accounts.models import Namespace, User
from portal.catalog.licensing.hosting import standing_right
from portal.catalog.models import LicenceVersion, ModelRepo, Revision, TeamMember
from portal.catalog.services.licences import publish_licence_version
from portal.catalog.services.publishing import publish_revision
from portal.catalog.services.repos import add_team_member, create_repo
from portal.catalog.statements import Consent, HostingStatement
from tests.factories.accounts import LONG_AGO, make_lab, make_user, the_operator

_numbers = itertools.count(1)
TERMS = {
    "may": ["Run, study and change the model for research"],
    "must": ["Keep the licence with every copy"],
    "must_not": ["Pass the weights to anyone"],
    "attestations": [
        {"code": "noncommercial", "text": "The work is noncommercial", "help": ""},
        {"code": "no_military", "text": "No military use", "help": ""},
    ],
}


def make_licence(
    *, version: str = "1.0", text: str = "You may study it.", now: datetime = LONG_AGO
) -> LicenceVersion:
    return publish_licence_version(
        actor=the_operator(),
        slug="noncommercial",
        name="Noncommercial Research Licence",
        version=version,
        text=text,
        attribution="Licensed under the Noncommercial Research Licence.",
        terms=TERMS,
        now=now,
    )


def make_repo(
    name: str = "",
    *,
    namespace: Namespace | None = None,
    gate: str = "review",
    undo_minutes: int | None = 0,
    **settings: Any,
) -> ModelRepo:
    """Make a repo under a licence, both modes behind ``gate``, by the lab's publisher.

    What its team decides can't be undone, and so counts at once; None leaves the default minutes.
    """
    actor = the_operator() if namespace else make_user()
    lab = namespace or make_lab(publisher=actor)
    repo = create_repo(
        actor=actor,
        namespace=lab.name,
        name=name or f"model-{next(_numbers)}",
        now=LONG_AGO,
        **{
            "download_gate": gate,
            "inference_gate": gate,
            "licence": make_licence().licence,
            **settings,
        },
    )
    if undo_minutes is not None:
        GateSettings.objects.create(repo=repo, undo_minutes=undo_minutes)
    return repo


def make_reviewer(
    repo: ModelRepo, *, role: TeamMember.Role = TeamMember.Role.REVIEWER, username: str = ""
) -> User:
    reviewer = make_user(username)
    add_team_member(actor=the_operator(), repo_id=repo.pk, user=reviewer, role=role, now=LONG_AGO)
    return reviewer


def make_folder(folder: Path, **changed: bytes | str) -> Path:
    """Make a folder fit to publish: shards, index, config, tokenizer, card, licence, logbook."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = {
        "model-00001-of-00002.safetensors": {"a.weight": np.arange(4096, dtype=np.float32)},
        "model-00002-of-00002.safetensors": {"b.weight": np.ones((8, 8), dtype=np.float32)},
    }
    for name, tensors in shards.items():
        save_file(tensors, folder / name)
    index = {tensor: name for name, tensors in shards.items() for tensor in tensors}
    texts = {
        "model.safetensors.index.json": json.dumps({"metadata": {}, "weight_map": index}),
        "config.json": json.dumps({"model_type": "opt", "max_position_embeddings": 2048}),
        "tokenizer.json": Tokenizer(BPE()).to_str(),
        "README.md": "# A model\n\nIt completes text.\n",
        "LICENSE": "You may study it.\n",
        "logbook.jsonl": "\n".join(json.dumps(entry) for entry in LOGBOOK) + "\n",
    }
    card = (texts | changed)["README.md"]
    if isinstance(card, str) and not card.startswith("---"):
        changed["README.md"] = f"---\nlicense: other\n---\n{card}"
    for name, content in (texts | changed).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def other_weights() -> dict[str, bytes | str]:
    """Make shards to publish in place of those of ``make_folder``, sharing no byte."""
    return {
        "model-00001-of-00002.safetensors": save({"a.weight": np.zeros(4096, np.float32)}),
        "model-00002-of-00002.safetensors": save({"b.weight": np.zeros((8, 8), np.float32)}),
    }


LOGBOOK = [
    {
        "run": "1",
        "kind": "launch",
        "occurred_at": "2026-11-01T08:00:00+00:00",
        "body": "It starts.",
    },
    {
        "run": "1",
        "kind": "update",
        "occurred_at": "2026-11-01T09:00:00+00:00",
        "step": 100,
        "figures": {"loss": 3.5},
    },
    {
        "run": "1",
        "kind": "crash",
        "cause": "gpu_lost",
        "occurred_at": "2026-11-01T09:30:00+00:00",
    },
    {
        "run": "1.1",
        "kind": "restart",
        "automatic": True,
        "occurred_at": "2026-11-01T09:40:00+00:00",
    },
]


def make_revision(
    repo: ModelRepo, folder: Path, *, title: str = "First", now: datetime = LONG_AGO
) -> Revision:
    """Publish ``folder`` (filled here when empty) as the repo's newest revision."""
    if not folder.exists() or not any(folder.iterdir()):
        make_folder(folder)
    statement = None if standing_right(repo) else HostingStatement()
    return publish_revision(
        actor=the_operator(),
        repo_id=repo.pk,
        folder=folder,
        title=title,
        now=now,
        consent=Consent(statement, changed_terms=True),
    )
