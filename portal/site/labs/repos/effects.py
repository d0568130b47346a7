"""Say all that renaming or deleting a model would do: to access, to its name, to its use."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.access.gate.effects import Effect, effects_of_deleting, effects_of_moving
from portal.catalog.models import ModelRepo
from portal.delivery.models import Download
from portal.formatting import counted

RECENT = timedelta(days=30)


def what_deleting_does(repo: ModelRepo, now: datetime) -> list[Effect]:
    """List the consequences of deleting a model; nothing is changed."""
    since = now - RECENT
    downloads = Download.objects.filter(revision__repo=repo, started_at__gte=since)
    people = downloads.exclude(person=None).values("person").distinct().count()
    files = downloads.count()
    former_names = repo.former_names.select_related("namespace").order_by("pk")
    names = [f"{former.namespace.name}/{former.name}" for former in former_names]
    more = [
        Effect(
            "downloads",
            files,
            f"{counted(files, 'file')} downloaded in the last 30 days, by "
            f"{counted(people, 'person', 'people')} signed in: nobody can download any more.",
        ),
        Effect(
            "former_names",
            len(names),
            f"The name that led here becomes free: {', '.join(names)}."
            if len(names) == 1
            else f"The names that led here become free: {', '.join(names)}.",
        ),
    ]
    return [*effects_of_deleting(repo, now), *(effect for effect in more if effect.count)]


def what_moving_does(repo: ModelRepo, now: datetime) -> list[Effect]:
    """List the consequences of giving a model another name; nothing is changed."""
    leads = Effect(
        "former_names",
        1,
        f"{repo.full_name} leads to the new name, for pages and clients alike, until somebody who "
        "publishes there gives it up.",
    )
    return [leads, *effects_of_moving(repo, now)]
