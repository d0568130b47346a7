"""The serializers of models, their downloads and exports."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.policy.policy import Action, may_call
from portal.access.policy.refusals import describe
from portal.api.base.serializers import Input, Output
from portal.api.requests.form_links import request_form_url
from portal.catalog.formats.pickle_imports import Safety
from portal.catalog.models import ModelRepo
from portal.catalog.quarantine.load_results import load_check_of
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.pickle_scan import pickles_in
from portal.delivery.accounting.usage import Grouping


class DownloadFilters(Input):
    by = serializers.ChoiceField(choices=[str(by) for by in Grouping], default=str(Grouping.PERSON))
    since = serializers.DateTimeField(required=False, help_text="From this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Before this moment.")


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


class ExportOutput(Output):
    rows = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    holds = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    urls = serializers.DictField(
        child=serializers.CharField(), help_text="For each form; by POST, in a session."
    )


class StandingOutput(Output):
    """The caller’s permission to do something; if refused, why and where to go."""

    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_blank=True)
    help_url = serializers.CharField(allow_blank=True)


class PickleOutput(Output):
    """A file that runs code when it is loaded."""

    path = serializers.CharField()
    safety = serializers.ChoiceField(choices=Safety.choices)
    unusual = serializers.ListField(
        child=serializers.CharField(),
        help_text="Names that it imports and tensors don’t need; empty with `code` where it can’t "
        "be told.",
    )


class LoadCheckOutput(Output):
    """The result of loading a revision with the engine that is to serve it."""

    result = serializers.CharField(
        help_text="`loaded`, `read`, `skipped`, `unchecked` or `failed`; empty where none is known."
    )
    reason = serializers.CharField()
    engine = serializers.CharField()


class ModelOutput(serializers.ModelSerializer[ModelRepo]):
    name = serializers.CharField(source="full_name")
    licence = serializers.CharField(source="licence.name", default=None)

    class Meta:
        model = ModelRepo
        fields: tuple[str, ...] = (
            "id",
            "name",
            "summary",
            "family",
            "parameters",
            "context_length",
            "download_gate",
            "inference_gate",
            "licence",
            "hosted",
            "created_at",
        )


class ModelDetailOutput(ModelOutput):
    download = serializers.SerializerMethodField()
    inference = serializers.SerializerMethodField()
    pickles = serializers.SerializerMethodField(help_text="The pickles in the newest revision.")
    load_check = serializers.SerializerMethodField(
        help_text="How the engine that is to serve it loaded the newest revision."
    )
    request_form_url = serializers.SerializerMethodField(
        help_text="The request form; null where the model takes no requests."
    )

    class Meta(ModelOutput.Meta):
        fields = (
            *ModelOutput.Meta.fields,
            "why_gated",
            "download",
            "inference",
            "pickles",
            "load_check",
            "request_form_url",
        )

    def _standing(self, repo: ModelRepo, action: Action) -> dict[str, Any]:
        view = self.context["view"]
        permission = may_call(view.caller, action, repo, view.now)
        refusal = None if permission.allowed else describe(permission, repo)
        return {
            "allowed": permission.allowed,
            "reason": permission.reason,
            "message": refusal.heading if refusal else "",
            "help_url": refusal.act_url if refusal else "",
        }

    @extend_schema_field(LoadCheckOutput)
    def get_load_check(self, repo: ModelRepo) -> dict[str, str]:
        revision = head_revision(repo)
        check = load_check_of(revision) if revision else {}
        return {name: str(check.get(name, "")) for name in ("result", "reason", "engine")}

    @extend_schema_field(StandingOutput)
    def get_download(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.DOWNLOAD)

    @extend_schema_field(StandingOutput)
    def get_inference(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.INFER)

    @extend_schema_field(PickleOutput(many=True))
    def get_pickles(self, repo: ModelRepo) -> list[dict[str, Any]]:
        head = head_revision(repo, caller=self.context["view"].caller)
        pickles = pickles_in(head) if head else {}
        return [
            {"path": path, "safety": scan.safety, "unusual": scan.unusual}
            for path, scan in sorted(pickles.items())
        ]

    def get_request_form_url(self, repo: ModelRepo) -> str | None:
        return request_form_url(repo)
