"""List the repos that a person may publish, with what they hold, for ``hf repos ls``."""

from __future__ import annotations

from django.db.models import DateTimeField, F, Max
from django.db.models.functions import Coalesce
from django.http import HttpRequest, JsonResponse

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.catalog.querysets import shown
from portal.hub.http import hub_view, json_list, page_of, timestamp
from portal.hub.metadata.tensors import used_storage
from portal.hub.rights import require_person


@hub_view("GET")
def index(request: HttpRequest, caller: Caller, *, namespace: str = "") -> JsonResponse:
    """List them by name; those of one namespace where it is named."""
    person = require_person(caller)
    visible = ModelRepo.objects.visible_through(caller)
    own = visible.publishable_by(person).with_names().distinct()
    if namespace:
        own = own.filter(namespace__name__iexact=namespace)
    newest = Max("revisions__created_at", filter=shown("revisions"))
    updated = Coalesce(newest, F("created_at"), output_field=DateTimeField())
    repos, headers = page_of(request, own.annotate(updated_at=updated))
    used = used_storage(repos)
    whole = sum(used.values()) or 1
    rows = [
        {
            "id": repo.full_name,
            "type": "model",
            "visibility": "private" if repo.private else "public",
            "updatedAt": timestamp(repo.updated_at),
            "storage": used.get(repo.pk, 0),
            "storagePercent": 100 * used.get(repo.pk, 0) / whole,
        }
        for repo in repos
    ]
    return json_list(rows, headers)
