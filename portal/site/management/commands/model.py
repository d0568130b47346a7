"""List, make, show, set, rename and delete models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from portal.access.gate.effects import Effect, waiting_by_repo
from portal.accounts.models import User
from portal.catalog.licensing.choosing import licence_named
from portal.catalog.management.lookups import account_named, repo_named
from portal.catalog.models import Gate, ModelRepo
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.services.repos import configure_repo
from portal.catalog.statements import statement_of
from portal.errors import DomainError, FieldErrors
from portal.hub.services.repos import start_repo
from portal.site.labs.repos.acts import delete, rename
from portal.site.labs.repos.values import setting_values

TEXTS = {"summary": "one line", "why-gated": "why there is a gate", "family": "such as OPT"}
NUMBERS = {"parameters": "how many; 0 for unknown", "context-length": "in tokens; 0 for unknown"}
DAYS = {"prompt-days": "days to keep prompts and outputs; “none” for the installation’s"}
GATES = {"download-gate": "of the files", "inference-gate": "of hosted use"}
NO_DAYS = -1  # as the installation keeps them
SWITCHES = {
    "hosted": "let a worker serve it",
    "pickles-allowed": "take weights in pickles, which may run code where they are loaded",
    "private": "show it to its own people alone",
}


class Command(BaseCommand):
    help = "List, make, show, set, rename and delete models."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        listed = acts.add_parser("list", help="list the models, or those of a namespace")
        listed.add_argument("namespace", nargs="?", default="")
        listed.add_argument("--json", action="store_true")
        shown = acts.add_parser("show", help="show a model’s settings as JSON")
        _add_repo(shown)
        for act, words in (("create", "make a model"), ("set", "change settings of a model")):
            changed = acts.add_parser(act, help=words)
            _add_repo(changed)
            _add_actor(changed)
            _add_settings(changed)
        _add_right(changed)
        renamed = acts.add_parser("rename", help="give a model another name; the old leads on")
        _add_repo(renamed)
        renamed.add_argument("new_name", metavar="NEW-NS/NAME")
        deleted = acts.add_parser("delete", help="delete a model; its records stay")
        _add_repo(deleted)
        deleted.add_argument("--confirm", default="", metavar="NS/NAME", help="its name again")
        for changing in (renamed, deleted):
            _add_actor(changing)
            changing.add_argument(
                "--dry-run", action="store_true", help="list what it affects; change nothing"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "list": self._list,
            "show": self._show,
            "create": self._create,
            "set": self._set,
            "rename": self._rename,
            "delete": self._delete,
        }
        try:
            acts[options["act"]](options)
        except FieldErrors as error:
            lines = (f"{_option(name)}: {text}" for name, text in error.errors.items())
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error

    def _list(self, options: dict[str, Any]) -> None:
        repos = list(_standing(options["namespace"]))
        waiting = waiting_by_repo(repos)
        rows = [setting_values(repo) | {"waiting": waiting.get(repo.pk, 0)} for repo in repos]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            gates = f"download {row['download_gate']}, inference {row['inference_gate']}"
            seen = "private" if row["private"] else "public"
            self.stdout.write(f"{row['name']}  {gates}, {seen}, {row['waiting']} waiting")

    def _show(self, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(setting_values(repo_named(options["repo"])), indent=2))

    def _create(self, options: dict[str, Any]) -> None:
        namespace, _, name = options["repo"].partition("/")
        chosen = {"private": True} | _chosen(options)
        repo = start_repo(
            actor=_actor(options), namespace=namespace, name=name, now=timezone.now(), **chosen
        )
        self.stdout.write(
            f"{repo.full_name} is made. Bring its files:\nHF_ENDPOINT={settings.BASE_URL} "
            f"HF_HUB_DISABLE_XET=1 hf upload {repo.full_name} ./FOLDER ."
        )

    def _set(self, options: dict[str, Any]) -> None:
        repo, chosen = repo_named(options["repo"]), _chosen(options)
        before = setting_values(repo)
        actor, now = _actor(options), timezone.now()
        statement = statement_of(licensor=options["licensor"], consent=options["consent"])
        with transaction.atomic():
            after = setting_values(configure_repo(actor=actor, repo_id=repo.pk, now=now, **chosen))
            if statement:
                state_right(actor=actor, repo_id=repo.pk, statement=statement, now=now)
        changed = [name for name in after if after[name] != before[name]]
        for name in changed:
            self.stdout.write(f"{name}: {before[name]!r} is now {after[name]!r}")
        if statement:
            self.stdout.write("The right to host its weights is stated.")
        elif not changed:
            self.stdout.write("Nothing differs from before.")

    def _rename(self, options: dict[str, Any]) -> None:
        namespace, _, name = options["new_name"].partition("/")
        effects = rename(
            actor=_actor(options),
            repo=repo_named(options["repo"]),
            namespace=namespace,
            name=name,
            now=timezone.now(),
            dry_run=options["dry_run"],
        )
        self._tell(effects, options, f"{options['repo']} is {options['new_name']} now.")

    def _delete(self, options: dict[str, Any]) -> None:
        effects = delete(
            actor=_actor(options),
            repo=repo_named(options["repo"]),
            confirm=options["confirm"],
            now=timezone.now(),
            dry_run=options["dry_run"],
        )
        self._tell(effects, options, f"{options['repo']} is deleted.")

    def _tell(self, effects: list[Effect], options: dict[str, Any], done: str) -> None:
        self.stdout.write("Nothing is changed. It would do this:" if options["dry_run"] else done)
        for effect in effects:
            self.stdout.write(f"- {effect.text}")


def _add_repo(parser: Any) -> None:
    parser.add_argument("repo", metavar="NS/NAME")


def _add_actor(parser: Any) -> None:
    parser.add_argument("--as", dest="actor", required=True, metavar="USERNAME")


def _add_settings(parser: Any) -> None:
    for name, words in TEXTS.items():
        parser.add_argument(f"--{name}", help=words)
    for name, words in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=words)
    for name, words in DAYS.items():
        parser.add_argument(f"--{name}", type=_days, metavar="N", help=words)
    for name, words in GATES.items():
        parser.add_argument(f"--{name}", choices=Gate.values, help=words)
    parser.add_argument("--licence", metavar="SLUG", help="one published here; “none” for none")
    for name, words in SWITCHES.items():
        parser.add_argument(f"--{name}", choices=("yes", "no"), help=words)


def _days(text: str) -> int:
    return NO_DAYS if text == "none" else int(text)


def _option(field: str) -> str:
    """Return a setting's option, and any other field as it is."""
    option = field.replace("_", "-")
    options = {*TEXTS, *NUMBERS, *DAYS, *GATES, *SWITCHES, "licence"}
    return f"--{option}" if option in options else field


def _add_right(parser: Any) -> None:
    parser.add_argument("--licensor", action="store_true", help="I state: I am the licensor")
    parser.add_argument(
        "--consent", metavar="TEXT", help="I state: the licensor has consented in writing; who"
    )


def _actor(options: dict[str, Any]) -> User:
    return account_named(options["actor"])


def _standing(namespace: str) -> list[ModelRepo]:
    repos = ModelRepo.objects.filter(deleted_at__isnull=True).with_names()
    return list(repos.filter(namespace__name__iexact=namespace) if namespace else repos)


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that were given, as ``configure_repo`` takes them."""
    names = [name.replace("-", "_") for name in (*TEXTS, *NUMBERS, *GATES, *SWITCHES)]
    chosen = {name: options[name] for name in names if options[name] is not None}
    for name in SWITCHES:
        if (key := name.replace("-", "_")) in chosen:
            chosen[key] = chosen[key] == "yes"
    for name in NUMBERS:
        if (key := name.replace("-", "_")) in chosen:
            chosen[key] = chosen[key] or None
    for name in DAYS:
        if (days := options[key := name.replace("-", "_")]) is not None:
            chosen[key] = None if days == NO_DAYS else days
    if options["licence"]:
        none = options["licence"] == "none"
        chosen["licence"] = None if none else licence_named(options["licence"])
    return chosen
