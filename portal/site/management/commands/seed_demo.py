"""Fill an installation with the demo's repos and accounts. Repeating it changes nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.organizations.register import load_seed
from portal.audit.heads import publish_heads
from portal.demo import cast, family, models, people, requests, story
from portal.site.transparency.publishing import publish_months
from portal.site.transparency.sample_months import add_sample_months


class Command(BaseCommand):
    help = (
        "Seed the demo: three trained models, the OPT family without weights, accounts named by "
        "role, a case of every kind at the gate."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", type=Path, required=True, help="the trained model’s folder")
        parser.add_argument("--small-model", type=Path, help="for the open and licence repos")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This fills an installation with sample accounts: it needs WEIGHTGATE_DEMO=1."
            )
        folders = {"gated": options["model"]}
        folders["open"] = folders["licence"] = options["small_model"] or options["model"]
        target = settings.VAR / "demo-seed.json"
        known = json.loads(target.read_text()) if target.exists() else {}
        seed = self._seed(folders, known.get("accounts", {}), known.get("others", {}))
        if seed != known:
            _write_private(target, seed)
        self.stdout.write(
            f"Three models, the OPT family and {len(seed['accounts'])} accounts are in place."
        )

    def _seed(
        self,
        folders: dict[str, Path],
        known: dict[str, people.Account],
        others: dict[str, people.Account],
    ) -> dict[str, Any]:
        now = timezone.now()
        began = now - story.BEGAN
        load_seed(now=began)
        accounts = {
            role: people.seed_person(role, known.get(role, {}), began) for role in cast.ACCOUNTS
        }
        others = people.seed_others(others, began)
        operator = User.objects.get(username="operator")
        people.seed_lab(operator, began)
        with tempfile.TemporaryDirectory() as scratch:
            repos = {
                gate: models.publish_demo_repo(
                    demo,
                    operator=operator,
                    trained=folders[gate],
                    scratch=Path(scratch),
                    now=began,
                )
                for gate, demo in models.REPOS.items()
            }
        people.seed_rights(operator, repos["gated"], began)
        family.seed_family(
            lab=models.LAB,
            operator=operator,
            reviewer=requests.person("reviewer"),
            licence=models.demo_licence(operator, began).licence,
            now=began,
        )
        story.seed_story(repos["gated"], now)
        requests.seed_requests(repos["gated"], now)
        for role, account in accounts.items():
            account["token"] = people.seed_token(role, known.get(role, {}).get("token", ""), now)
        publish_heads(now)
        add_sample_months([f"{models.LAB}/{size.name}" for size in family.SIZES[-2:]], began, now)
        publish_months(now)
        return {
            "accounts": accounts,
            "others": others,
            "repos": {gate: repo.full_name for gate, repo in repos.items()},
            "hosted_model": repos["gated"].full_name,
        }


def _write_private(target: Path, content: dict[str, Any]) -> None:
    """Write the file atomically and readable by its owner alone: it has passwords and tokens."""
    partial = target.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(content, out, indent=2)
    partial.replace(target)
