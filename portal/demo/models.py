"""The demo's repos: trained models, published with a card and a licence."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import prod
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from portal.accounts.models import User
from portal.catalog.formats.safetensors import read_header
from portal.catalog.logbook.services import LOGBOOK_FILE
from portal.catalog.models import Gate, LicenceVersion, ModelRepo
from portal.catalog.services.licences import publish_licence_version
from portal.catalog.services.publishing import publish_revision
from portal.catalog.services.repos import create_repo
from portal.catalog.statements import Consent, HostingStatement
from portal.demo.terms import ATTRIBUTION, TERMS

HERE = Path(__file__).parent
LICENCE_TEXT = (HERE / "LICENCE.md").read_text("utf-8")
LAB = "example-lab"
BEFORE_RELEASE = timedelta(days=1)


@dataclass(frozen=True)
class DemoRepo:
    """A repo of the demo, one for each gate, and the words that introduce it."""

    name: str
    gate: Gate
    title: str
    lead: str
    hosted: bool = False
    why_gated: str = ""


REPOS = {
    "gated": DemoRepo(
        "opt-stdlib",
        Gate.REVIEW,
        "OPT, trained on the standard library",
        "A small OPT that has read the Python standard library, released on request for "
        "noncommercial research.",
        hosted=True,
        why_gated=(
            "The lab wants to know who studies this model and for what, so that it can tell them "
            "of faults and end access that breaks the licence. A person reads each request. "
            "Nobody is refused without a reason, and anybody may ask again."
        ),
    ),
    "licence": DemoRepo(
        "opt-tiny-signed",
        Gate.LICENCE,
        "OPT tiny, under a licence",
        "A very small OPT. Sign the licence once, and download at once.",
        why_gated="The licence binds who signs it; nobody needs to review you.",
    ),
    "open": DemoRepo(
        "opt-tiny",
        Gate.OPEN,
        "OPT tiny",
        "A very small OPT for testing your set-up. Open: no account is needed.",
    ),
}


def demo_licence(operator: User, now: datetime) -> LicenceVersion:
    return publish_licence_version(
        actor=operator,
        slug="noncommercial-research",
        name="Noncommercial Research Licence",
        namespace=LAB,
        version="1.0",
        text=LICENCE_TEXT,
        attribution=ATTRIBUTION,
        terms=TERMS,
        now=now,
    )


def count_parameters(folder: Path) -> int:
    """Count the parameters of a checkpoint from its safetensors headers."""
    shapes = [
        entry["shape"]
        for shard in sorted(folder.glob("*.safetensors"))
        for entry in read_header(shard).values()
    ]
    return sum(prod(shape) for shape in shapes if isinstance(shape, list))


def _card(demo: DemoRepo, config: dict[str, Any], parameters: int) -> str:
    return (
        (HERE / "card.md")
        .read_text("utf-8")
        .format(
            title=demo.title,
            lead=demo.lead,
            parameters=f"{parameters:,}",
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            heads=config["num_attention_heads"],
            vocabulary=f"{config['vocab_size']:,}",
        )
    )


def _set_logbook_back(logbook: Path, released_at: datetime) -> None:
    """Move the run, which the demo has just made, to the day before the model's release.

    The card says so. How long things took stays as it was.
    """
    if not logbook.exists():
        return
    entries = [json.loads(line) for line in logbook.read_text("utf-8").splitlines() if line]
    times = [parse_datetime(entry["occurred_at"]) for entry in entries]
    earlier = max(time for time in times if time) - released_at + BEFORE_RELEASE
    for entry in entries:
        for name in ("occurred_at", "ended_at"):
            if time := parse_datetime(str(entry.get(name, ""))):
                entry[name] = (time - earlier).isoformat()
    logbook.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), "utf-8")


def publish_demo_repo(
    demo: DemoRepo, *, operator: User, trained: Path, scratch: Path, now: datetime
) -> ModelRepo:
    """Make the repo if it isn't there, and release the trained folder as its revision."""
    repo = ModelRepo.objects.named(f"{LAB}/{demo.name}").with_names().first()
    if repo is not None and repo.revisions.exists():
        return repo
    config = json.loads((trained / "config.json").read_text())
    parameters = count_parameters(trained)
    folder = scratch / demo.name
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoint*", ".*"))
    (folder / "README.md").write_text(_card(demo, config, parameters), "utf-8")
    _set_logbook_back(folder / LOGBOOK_FILE, now)
    repo = repo or create_repo(
        actor=operator,
        namespace=LAB,
        name=demo.name,
        now=now,
        summary=demo.lead,
        why_gated=demo.why_gated,
        family="OPT",
        parameters=parameters,
        context_length=config["max_position_embeddings"],
        download_gate=demo.gate,
        inference_gate=demo.gate,
        licence=demo_licence(operator, now).licence,
        hosted=demo.hosted,
    )
    publish_revision(
        actor=operator,
        repo_id=repo.pk,
        folder=folder,
        title="First release",
        now=now,
        consent=Consent(HostingStatement()),
    )
    return repo
