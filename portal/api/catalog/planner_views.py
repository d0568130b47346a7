"""The planner, for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from portal.api.base.permissions import AllowAny
from portal.api.base.serializers import Input, Output
from portal.api.base.views import ApiRetrieveView
from portal.errors import FieldErrors
from portal.site.planner.forms import PlannerForm
from portal.site.planner.own_models import own_models
from portal.site.planner.results import as_json, result_of


class PlanFilters(Input):
    """The fields of the page’s form; each has the same default."""

    model = serializers.CharField(required=False, max_length=200)
    machine = serializers.CharField(required=False, max_length=40)
    dtype = serializers.CharField(required=False, max_length=40)
    tokens_per_month = serializers.CharField(required=False, max_length=40)
    gpus = serializers.CharField(required=False, max_length=40)
    memory_gb = serializers.CharField(required=False, max_length=40)
    bandwidth_gb_s = serializers.CharField(required=False, max_length=40)
    tflops = serializers.CharField(required=False, max_length=40)
    watts = serializers.CharField(required=False, max_length=40)
    link_gb_s = serializers.CharField(required=False, max_length=40)
    per_hour = serializers.CharField(required=False, max_length=40)


class PlanOutput(Output):
    """A plan: sizes in bytes, speeds in tokens a second. All of it is arithmetic, not measured."""

    model = serializers.CharField()
    gpu = serializers.CharField()
    dtype = serializers.CharField()
    plan = serializers.DictField()
    memory = serializers.ListField(child=serializers.DictField())
    reached_tokens_per_second = serializers.FloatField()
    kilowatts = serializers.FloatField()
    watt_hours_per_1000_tokens = serializers.FloatField(allow_null=True)
    grams_co2e_per_1000_tokens = serializers.FloatField(allow_null=True)
    costs = serializers.ListField(child=serializers.DictField())


@extend_schema_view(get=extend_schema(operation_id="plan"))
class PlannerView(ApiRetrieveView):
    """Say whether a model fits given GPUs, how fast, at what power and cost."""

    permission_classes = [AllowAny]
    serializer_class = PlanOutput
    filter_serializer_class = PlanFilters

    def get_object(self) -> dict[str, Any]:
        models = own_models(self.filters.get("model", ""), self.caller)
        form = PlannerForm(self.filters, own_models=models)
        if not form.is_valid():
            raise FieldErrors({name: str(errors[0]) for name, errors in form.errors.items()})
        return as_json(result_of(form, self.now))
