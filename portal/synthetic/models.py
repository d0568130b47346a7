"""Synthetic models: small files, the same from every run, under a licence that says so."""

from __future__ import annotations

import json
import random
import tempfile
from datetime import datetime
from pathlib import Path

from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.catalog.services.licences import publish_licence_version
from portal.catalog.services.publishing import publish_revision
from portal.catalog.services.repos import create_repo
from portal.catalog.statements import Consent, HostingStatement

LAB = "synthetic-lab"
GATED, LICENSED = ("gated-large", "gated-small"), "signed"
SHARDS, FLOATS = 2, 8192
CONTEXT_LENGTH, VOCABULARY = 2048, 512
TERMS = {
    "may": ["Use what is here to test the portal, or to learn how requests are reviewed"],
    "must": ["Keep in mind that all of it is synthetic"],
    "must_not": ["Take it for the work of anybody"],
    "attestations": [
        {"code": "noncommercial", "text": "The work is noncommercial", "help": ""},
        {"code": "no_military", "text": "There is no military use", "help": ""},
    ],
}


def make_models(operator: User, now: datetime) -> dict[str, ModelRepo]:
    """Publish the models of the synthetic lab, each by its name."""
    repos = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in (*GATED, LICENSED):
            gate = "licence" if name == LICENSED else "review"
            repos[name] = _publish(operator, name, gate, Path(scratch) / name, now)
    return repos


def _publish(operator: User, name: str, gate: str, folder: Path, now: datetime) -> ModelRepo:
    version = publish_licence_version(
        actor=operator,
        slug="synthetic",
        name="Synthetic Licence",
        namespace=LAB,
        version="1.0",
        text="This text, and all that is under it, is synthetic.\n",
        attribution="Synthetic data, made by the portal itself.",
        terms=TERMS,
        now=now,
    )
    repo = create_repo(
        actor=operator,
        namespace=LAB,
        name=name,
        now=now,
        summary="A synthetic model, for load tests and for learning to review.",
        family="OPT",
        download_gate=gate,
        inference_gate=gate,
        licence=version.licence,
        hosted=True,
    )
    publish_revision(
        actor=operator,
        repo_id=repo.pk,
        folder=write_checkpoint(name, folder),
        title="First release",
        now=now,
        consent=Consent(HostingStatement()),
    )
    return repo


def write_checkpoint(name: str, folder: Path) -> Path:
    """Write a checkpoint of shards, drawn from the model's name."""
    folder.mkdir()
    draws = random.Random(name)  # noqa: S311, no secret
    shards = {
        f"model-{number:05}-of-{SHARDS:05}.safetensors": f"layer.{number}.weight"
        for number in range(1, SHARDS + 1)
    }
    for file, tensor in shards.items():
        (folder / file).write_bytes(_safetensors(tensor, draws))
    index = {"metadata": {}, "weight_map": {tensor: file for file, tensor in shards.items()}}
    config = {
        "model_type": "opt",
        "max_position_embeddings": CONTEXT_LENGTH,
        "vocab_size": VOCABULARY,
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(_tokenizer().to_str())
    card = "---\nlicense: other\n---\n# A synthetic model\n\nIts weights are drawn by chance.\n"
    (folder / "README.md").write_text(card)
    return folder


def _tokenizer() -> Tokenizer:
    """Return a tokenizer with a token for each byte."""
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _safetensors(tensor: str, draws: random.Random) -> bytes:
    """Return a file of one tensor of halves and quarters, so that each number is finite."""
    entry = {"dtype": "F16", "shape": [FLOATS], "data_offsets": [0, 2 * FLOATS]}
    header = json.dumps({tensor: entry}).encode()
    header += b" " * (-len(header) % 8)
    numbers = (bytes((draws.randrange(256), draws.randrange(0x30, 0x3C))) for _ in range(FLOATS))
    return len(header).to_bytes(8, "little") + header + b"".join(numbers)
