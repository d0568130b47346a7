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

PLAN_HELP = (
    "`roofline` is what memory and arithmetic allow, were GPUs joined for nothing. "
    "`fastest_stream`, `fastest_full`, `fastest_prefill` and `splits` have the exchanges between "
    "GPUs in them."
)


def _field(most: int = 40) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=most)


class PlanFilters(Input):
    """The fields of the page’s form; each has the same default, also where it is empty."""

    model = _field(200)
    machine = _field()
    dtype = _field()
    tokens_per_month = _field()
    gpus = _field()
    memory_gb = _field()
    bandwidth_gb_s = _field()
    tflops = _field()
    watts = _field()
    link_gb_s = _field()
    per_hour = _field()


class PlanOutput(Output):
    """A plan: sizes in bytes, speeds in tokens a second. All of it is arithmetic, not measured."""

    model = serializers.CharField()
    gpu = serializers.CharField()
    dtype = serializers.CharField()
    plan = serializers.DictField(help_text=PLAN_HELP)
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
