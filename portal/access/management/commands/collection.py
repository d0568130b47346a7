"""List, make, show, change and fill collections of models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.access.gate.effects import effects_of_deleting_collection
from portal.access.grants.collections.adding import add_model
from portal.catalog.collections.changes import (
    change_collection,
    create_collection,
    model_named,
    order_models,
    remove_model,
    standing_members,
)
from portal.catalog.collections.deleting import delete_collection
from portal.catalog.management.lookups import account_named
from portal.catalog.models import Collection
from portal.errors import DomainError, FieldErrors

Options = dict[str, Any]
CHANGES = ("title", "summary", "lead", "on_add")


class Command(BaseCommand):
    help = "List, make, show, change and fill collections: models that are asked for together."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        listed = acts.add_parser("list", help="list the collections, or those of a namespace")
        listed.add_argument("namespace", nargs="?", default="")
        listed.add_argument("--json", action="store_true")
        _named(acts.add_parser("show", help="show a collection and its models as JSON"))
        made = acts.add_parser("create", help="make a collection; its lead is one of its models")
        _changing(made)
        made.add_argument("--title", required=True, help="what people read")
        made.add_argument("--lead", required=True, help="the model whose form and team serve all")
        made.add_argument("--models", nargs="*", default=[], metavar="NAME", help="in order")
        _settings(made)
        changed = acts.add_parser("set", help="change the settings of a collection")
        _changing(changed)
        changed.add_argument("--title")
        changed.add_argument("--lead", help="one of its models")
        _settings(changed)
        ordered = acts.add_parser("order", help="put the models in this order")
        _changing(ordered)
        ordered.add_argument("models", nargs="+", metavar="NAME")
        deleted = acts.add_parser("delete", help="delete a collection; ends no grant, no request")
        _changing(deleted)
        deleted.add_argument("--dry-run", action="store_true", help="only say what it affects")
        for act, words in (
            ("add", "add a model; standing grants open it too, where --on-add extend was chosen"),
            ("remove", "take a model out; nobody’s access ends"),
        ):
            moving = acts.add_parser(act, help=words)
            _changing(moving)
            moving.add_argument("model", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        acts: dict[str, Callable[[Options], None]] = {
            "list": self._list,
            "show": self._show,
            "create": self._create,
            "set": self._set,
            "order": self._order,
            "add": self._add,
            "remove": self._remove,
            "delete": self._delete,
        }
        try:
            acts[options["act"]](options)
        except FieldErrors as error:
            lines = [f"{name}: {text}" for name, text in error.errors.items()]
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.message) from error

    def _list(self, options: Options) -> None:
        collections = Collection.objects.standing().select_related("namespace", "lead__namespace")
        if options["namespace"]:
            collections = collections.filter(namespace__name__iexact=options["namespace"])
        rows = [_facts(collection) for collection in collections]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            lead = row["lead"]
            self.stdout.write(f"{row['name']}  {row['title']}, {len(row['models'])} models, {lead}")

    def _show(self, options: Options) -> None:
        self.stdout.write(json.dumps(_facts(_collection(options)), indent=2))

    def _create(self, options: Options) -> None:
        namespace, _, slug = options["collection"].partition("/")
        collection = create_collection(
            **_acting(options),
            namespace=namespace,
            slug=slug,
            title=options["title"],
            lead=options["lead"],
            models=options["models"],
            summary=options["summary"] or "",
            on_add=options["on_add"] or Collection.OnAdd.ASK,
        )
        self.stdout.write(f"{collection.full_name} is made. Its page: {collection.path}")

    def _set(self, options: Options) -> None:
        changes = {name: options[name] for name in CHANGES if options[name] is not None}
        collection = _collection(options)
        change_collection(**_acting(options), collection_id=collection.pk, **changes)
        self.stdout.write(f"{collection.full_name} is changed. What stands was left as it is.")

    def _order(self, options: Options) -> None:
        collection = _collection(options)
        order_models(**_acting(options), collection_id=collection.pk, models=options["models"])
        self.stdout.write(f"The models of {collection.full_name} are in this order now.")

    def _add(self, options: Options) -> None:
        collection, model = _collection(options), options["model"]
        added = add_model(**_acting(options), collection_id=collection.pk, model=model)
        self.stdout.write(
            f"{model} is in {collection.full_name}. Grants that open it too: {added.extended}."
        )

    def _remove(self, options: Options) -> None:
        collection = _collection(options)
        repo = model_named(collection.namespace, options["model"], "model")
        remove_model(**_acting(options), collection_id=collection.pk, repo_id=repo.pk)
        self.stdout.write(f"{repo.full_name} has left. Whoever has access to it keeps it.")

    def _delete(self, options: Options) -> None:
        collection, acting = _collection(options), _acting(options)
        for effect in effects_of_deleting_collection(collection, acting["now"]):
            self.stdout.write(effect.text)
        if options["dry_run"]:
            self.stdout.write(f"{collection.full_name} would be deleted; nothing is changed.")
            return
        delete_collection(**acting, collection_id=collection.pk)
        self.stdout.write(f"{collection.full_name} is deleted. Whoever has access keeps it.")


def _named(parser: CommandParser) -> None:
    parser.add_argument("collection", metavar="NS/SLUG")


def _changing(parser: CommandParser) -> None:
    _named(parser)
    parser.add_argument("--as", dest="actor", required=True, metavar="USERNAME")


def _settings(parser: CommandParser) -> None:
    parser.add_argument("--summary", help="one line for its page")
    parser.add_argument(
        "--on-add",
        choices=Collection.OnAdd.values,
        help="what a model added later means to those who have access",
    )


def _acting(options: Options) -> Options:
    return {"actor": account_named(options["actor"]), "now": timezone.now()}


def _collection(options: Options) -> Collection:
    namespace, _, slug = options["collection"].partition("/")
    collections = Collection.objects.standing().select_related("namespace", "lead__namespace")
    named = collections.filter(namespace__name__iexact=namespace, slug__iexact=slug)
    collection = named.first()
    if collection is None:
        raise CommandError(
            f"There is no collection {options['collection']}. `collection list` lists them."
        )
    return collection


def _facts(collection: Collection) -> Options:
    members = standing_members(collection).select_related("repo__namespace")
    return {
        "name": collection.full_name,
        "title": collection.title,
        "summary": collection.summary,
        "lead": collection.lead.full_name,
        "on_add": collection.on_add,
        "models": [member.repo.full_name for member in members],
    }
