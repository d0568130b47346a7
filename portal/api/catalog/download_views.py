"""What was fetched of a model, rolled up, for those who run it."""

from __future__ import annotations

from rest_framework import serializers

from portal.accounts.models import Scope
from portal.api.base.fields import Input, Output
from portal.api.base.operations import Call, listing
from portal.api.base.repos import team_repo
from portal.delivery.accounting.usage import By, Used, usage_of


class DownloadFilters(Input):
    by = serializers.ChoiceField(choices=[str(each) for each in By], default=str(By.PERSON))
    since = serializers.DateTimeField(required=False, help_text="From this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Up to this moment, without it.")


class UsedOutput(Output):
    key = serializers.CharField(
        help_text="A username, an organization’s name or a commit; empty where there is none."
    )
    label = serializers.CharField()  # type: ignore[assignment]
    people = serializers.IntegerField()
    downloads = serializers.IntegerField()
    size_bytes = serializers.IntegerField(
        help_text="Bytes sent; where a bucket or nginx sends them, those asked for."
    )
    last_at = serializers.DateTimeField()


@listing(Scope.ADMIN, UsedOutput, filters=DownloadFilters)
def list_downloads(call: Call, namespace: str, name: str) -> list[Used]:
    """What was fetched of a model by person, organization or revision, most bytes first."""
    repo = team_repo(call, namespace, name)
    asked = call.queries
    return usage_of(repo, By(asked["by"]), since=asked.get("since"), until=asked.get("until"))
