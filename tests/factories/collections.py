"""Collections, made by the services that make them in life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.accounts.models import User
from portal.catalog.collections.changes import create_collection
from portal.catalog.models import Collection, Licence, ModelRepo
from portal.catalog.services.licences import publish_licence_version
from tests.factories.accounts import LONG_AGO, make_lab, make_user, the_operator
from tests.factories.catalog import make_licence, make_repo

CAREFUL = {"code": "careful", "text": "I use it with care", "help": "And alone"}


def make_family(
    *gates: str, publisher: User | None = None, on_add: str = "ask", **settings: Any
) -> tuple[Collection, list[ModelRepo]]:
    """Make a collection with one model for each gate; the last one leads it."""
    lab = make_lab(publisher=publisher or make_user())
    licence = make_licence().licence
    repos = [
        make_repo(f"opt-{number}", namespace=lab, gate=gate, licence=licence, **settings)
        for number, gate in enumerate(gates, start=1)
    ]
    return make_collection(repos, on_add=on_add), repos


def make_family_of_two_licences(
    first: str = "review", second: str = "review"
) -> tuple[Collection, list[ModelRepo]]:
    """Make a collection of opt-1, under another licence than opt-2 and opt-3.

    ``first`` and ``second`` are the gates of opt-1 and opt-2; opt-3 leads and is by request.
    """
    lab = make_lab(publisher=make_user())
    opt, other = make_licence().licence, _other_licence()
    gates = {"opt-1": (first, other), "opt-2": (second, opt), "opt-3": ("review", opt)}
    repos = [
        make_repo(name, namespace=lab, gate=gate, licence=licence)
        for name, (gate, licence) in gates.items()
    ]
    return make_collection(repos), repos


def _other_licence() -> Licence:
    version = publish_licence_version(
        actor=the_operator(),
        slug="small-models",
        name="Small Models Licence",
        version="1",
        text="Use the small model for research.",
        attribution="Small Models Licence.",
        terms={"may": ["Use it"], "attestations": [CAREFUL]},
        now=LONG_AGO,
    )
    return version.licence


def make_collection(
    repos: Sequence[ModelRepo], *, slug: str = "opt", on_add: str = "ask"
) -> Collection:
    """Make a collection of these models of one lab; the last one leads it."""
    return create_collection(
        actor=the_operator(),
        namespace=repos[-1].namespace.name,
        slug=slug,
        title="OPT family",
        lead=repos[-1].name,
        models=[repo.name for repo in repos],
        on_add=on_add,
        now=LONG_AGO,
    )
