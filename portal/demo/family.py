"""The OPT family in the demo: nine sizes behind the three gates of May 2022, without weights.

Shapes are of the paper's table 1 (https://arxiv.org/abs/2205.01068), parameters are counted from
them. The cards say where the weights are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portal.accounts.models import User
from portal.catalog.collections.changes import create_collection
from portal.catalog.logbook.services import LOGBOOK_FILE
from portal.catalog.models import Collection, Gate, Licence, ModelRepo, TeamMember
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.repos import add_team_member, create_repo
from portal.catalog.services.revisions import release_revision
from portal.demo.sample_logbook import sample_logbook

CARD = (Path(__file__).parent / "family_card.md").read_text("utf-8")
FIRST_TITLE = "Write the card"
COLLECTION = "opt"
ELSEWHERE = (
    "Meta AI released this size for download without a request; the weights are "
    "[facebook/{name}](https://huggingface.co/facebook/{name}) on the Hugging Face Hub."
)
ON_REQUEST = (
    "Meta AI gave this size on request only, by a form, an e-mail and links that expired "
    "([how it was](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT)). "
    "The logbook here is a sample, made for this demo: none of it happened. The real one is "
    "[public](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles)."
)
WHY_GATED = {
    Gate.OPEN: "",
    Gate.LICENCE: "The licence binds who signs it; nobody needs to review you.",
    Gate.REVIEW: (
        "A model of this size can do harm that its makers have measured only in part. The lab "
        "wants to know who studies it and for what. A person reads each request, and nobody is "
        "refused without a reason."
    ),
}


@dataclass(frozen=True)
class Size:
    """A size of the family, as the paper's table 1 has it."""

    label: str
    layers: int
    heads: int
    width: int
    parameters: int
    learning_rate: str
    batch: str
    gate: Gate = Gate.OPEN

    @property
    def name(self) -> str:
        return f"opt-{self.label.lower()}"

    @property
    def summary(self) -> str:
        return f"OPT with {self.label} parameters, by Meta AI. The weights are not hosted here."

    @property
    def card(self) -> str:
        whereabouts = ON_REQUEST if self.gate == Gate.REVIEW else ELSEWHERE.format(name=self.name)
        gigabytes = f"{2 * self.parameters / 1e9:,.1f}"
        return CARD.format(
            label=self.label,
            whereabouts=whereabouts,
            layers=self.layers,
            heads=self.heads,
            width=f"{self.width:,}",
            parameters=f"{self.parameters:,}",
            gigabytes=gigabytes,
            learning_rate=self.learning_rate,
            batch=self.batch,
        )


SIZES = (
    Size("125M", 12, 12, 768, 125_239_296, "6.0e-4", "0.5 M"),
    Size("350M", 24, 16, 1_024, 331_196_416, "3.0e-4", "0.5 M"),
    Size("1.3B", 24, 32, 2_048, 1_315_758_080, "2.0e-4", "1 M"),
    Size("2.7B", 32, 32, 2_560, 2_651_596_800, "1.6e-4", "1 M"),
    Size("6.7B", 32, 32, 4_096, 6_658_473_984, "1.2e-4", "2 M"),
    Size("13B", 40, 40, 5_120, 12_853_473_280, "1.0e-4", "4 M"),
    Size("30B", 48, 56, 7_168, 29_974_540_288, "1.0e-4", "4 M"),
    Size("66B", 64, 72, 9_216, 65_719_701_504, "0.8e-4", "2 M", Gate.LICENCE),
    Size("175B", 96, 96, 12_288, 174_604_468_224, "1.2e-4", "2 M", Gate.REVIEW),
)


def seed_family(
    *, lab: str, operator: User, reviewer: User, licence: Licence, now: datetime
) -> None:
    """Make the nine repos with their cards, and the collection through which they are asked for."""
    for size in SIZES:
        repo = ModelRepo.objects.named(f"{lab}/{size.name}").first()
        if repo is None:
            repo = _make(size, lab=lab, operator=operator, licence=licence, now=now)
        if size.gate == Gate.REVIEW and not repo.team.exists():
            add_team_member(
                actor=operator,
                repo_id=repo.pk,
                user=reviewer,
                role=TeamMember.Role.ADMINISTRATOR,
                now=now,
            )
    if not Collection.objects.filter(namespace__name=lab, slug=COLLECTION).exists():
        create_collection(
            actor=operator,
            namespace=lab,
            slug=COLLECTION,
            title="OPT family",
            summary="Nine sizes, asked for once: up to 30B open, 66B by licence, 175B by request.",
            lead=SIZES[-1].name,
            models=[size.name for size in SIZES],
            on_add=Collection.OnAdd.EXTEND,
            now=now,
        )


def _make(size: Size, *, lab: str, operator: User, licence: Licence, now: datetime) -> ModelRepo:
    repo = create_repo(
        actor=operator,
        namespace=lab,
        name=size.name,
        now=now,
        summary=size.summary,
        why_gated=WHY_GATED[size.gate],
        family="OPT",
        parameters=size.parameters,
        context_length=2048,
        download_gate=size.gate,
        inference_gate=size.gate,
        licence=licence,
    )
    contents = [store_bytes("README.md", size.card.encode())]
    if size.gate == Gate.REVIEW:
        contents.append(store_bytes(LOGBOOK_FILE, sample_logbook(now).encode()))
    release_revision(
        actor=operator,
        repo_id=repo.pk,
        contents=contents,
        title=FIRST_TITLE,
        now=now,
    )
    return repo
