"""Where a lab’s own records are taken out: the files stream from the pages’ addresses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from portal.accounts.models import Scope
from portal.api.base.fields import Output
from portal.api.base.operations import Call, listing
from portal.api.base.repos import administered
from portal.site.archives.exports import EXPORTS, FORMS


class ExportOutput(Output):
    rows = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    holds = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    urls = serializers.DictField(
        child=serializers.CharField(), help_text="For each form; by POST, in a session."
    )


@listing(Scope.ADMIN, ExportOutput)
def list_exports(call: Call, namespace: str, name: str) -> list[dict[str, Any]]:
    """The tables that may be taken out of a gate, with their columns and addresses."""
    repo = administered(call, namespace, name)
    at = [repo.namespace.name, repo.name]
    return [
        {
            "rows": each.slug,
            "label": each.label,
            "holds": each.holds,
            "columns": list(each.columns),
            "urls": {
                form: settings.BASE_URL + reverse("site:export", args=[*at, each.slug, form])
                for form in FORMS
            },
        }
        for each in EXPORTS.values()
    ]
