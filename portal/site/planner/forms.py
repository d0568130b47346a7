"""The planner's form. It is sent by GET, so that each result has an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.plan import DTYPE_BYTES, NAMES, Machine, Shape, named_shape
from portal.access.requests.form.builder import PageForm
from portal.formatting import figures, thousands
from portal.site.planner.fields import NumberField, WholeNumberField
from portal.site.planner.machines import LABELS, MINE, PRESETS, own_machine
from portal.text.languages import Words

TITLES = {
    "gpt-3-175b": "GPT-3 175B",
    "mt-nlg-530b": "MT-NLG 530B",
    "palm-540b": "PaLM 540B",
}
DEFAULTS = {
    "model": "opt-175b",
    "machine": "16xv100-32",
    "dtype": "float16",
    "tokens_per_month": "100000000",
}
OWN_FIELDS = ("gpus", "memory_gb", "bandwidth_gb_s", "tflops", "watts")
LINK = "link_gb_s"  # of one's own GPUs as well, and may be left out
MOST_TOKENS = 10**13
REFUSALS = ("invalid", "min_value", "max_value", "required")


lazy_thousands = lazy(thousands, str)
lazy_figures = lazy(figures, str)


def title_of(name: str) -> str:
    """Return how people write a model's name; that of a model of this portal stays as it is."""
    if name.startswith("opt-"):
        return f"OPT-{name.removeprefix('opt-').upper()}"
    return TITLES.get(name, name)


def _whole(label: Words, most: int, *, required: bool = False) -> WholeNumberField:
    return WholeNumberField(
        label=label,
        min_value=1,
        max_value=most,
        required=required,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "size": 10}),
        error_messages=dict.fromkeys(
            REFUSALS,
            format_lazy(
                _("{label}: give a whole number from 1 to {most}."),
                label=label,
                most=lazy_thousands(most),
            ),
        ),
    )


def _number(label: Words, least: float, most: float, help_text: Words = "") -> NumberField:
    wanted = format_lazy(
        _("{label}: give a number from {least} to {most}."),
        label=label,
        least=lazy_figures(f"{least:g}"),
        most=lazy_thousands(round(most)),
    )
    return NumberField(
        label=label,
        min_value=least,
        max_value=most,
        required=False,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 10}),
        error_messages=dict.fromkeys(REFUSALS, wanted),
    )


class PlannerForm(PageForm):
    """A model, a machine and a month's tokens; what isn't said is as in DEFAULTS.

    ``own_models``: the shapes of models of this portal that may be chosen, by their full names.
    """

    needed_if = OWN_FIELDS  # so that they aren't called optional

    model = forms.ChoiceField(
        label=_("Model"),
        error_messages={
            "invalid_choice": _("No model of that name can be planned. Choose another.")
        },
    )
    machine = forms.ChoiceField(
        label=_("GPUs"),
        choices=list(LABELS.items()),
        error_messages={
            "invalid_choice": _("These GPUs aren’t known. Choose others, or your own.")
        },
    )
    dtype = forms.ChoiceField(
        label=_("Weights in"),
        choices=[(name, name) for name in ("float16", "bfloat16", "int8", "float32")],
        error_messages={
            "invalid_choice": format_lazy(
                _("Choose one of {choices}."), choices=", ".join(DTYPE_BYTES)
            )
        },
    )
    tokens_per_month = _whole(_("Tokens a month"), MOST_TOKENS, required=True)
    gpus = _whole(_("Number"), 1024)
    memory_gb = _number(_("Memory of each, GB"), 1, 10_000)
    bandwidth_gb_s = _number(_("Memory bandwidth, GB/s"), 1, 1_000_000)
    tflops = _number(_("fp16, dense TFLOP/s"), 0.1, 1_000_000)
    watts = _number(_("Power of each, W"), 1, 100_000)
    link_gb_s = _number(_("Link to the others, GB/s"), 0.1, 100_000, _("One way. Without it: 32."))
    per_hour = _number(_("Price of a GPU-hour, US$"), 0, 100_000)

    def __init__(self, query: Mapping[str, str], *, own_models: dict[str, Shape]) -> None:
        data = DEFAULTS | {name: value for name, value in query.items() if value.strip()}
        super().__init__(data)
        self.own_models = own_models
        published = [(name, title_of(name)) for name in NAMES]
        choices = [(_("As published"), published)]
        if own_models:
            choices.append((_("On this portal"), [(name, name) for name in own_models]))
        field = self.fields["model"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("machine") != MINE:
            for name in (*OWN_FIELDS, LINK):  # what isn't asked for can't be wrong
                self.errors.pop(name, None)
                cleaned[name] = None
            return cleaned
        for name in OWN_FIELDS:
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, gettext("Give this of your own GPUs, or choose others."))
        return cleaned

    @property
    def main(self) -> list[BoundField]:
        """Return the fields that stand in the first row."""
        return [self[name] for name in DEFAULTS]

    @property
    def own(self) -> list[BoundField]:
        """Return the fields that describe the reader's own GPUs."""
        return [self[name] for name in (*OWN_FIELDS, LINK, "per_hour")]

    @property
    def has_own(self) -> bool:
        """Tell whether those fields are to stand open."""
        chosen = self.data.get("machine") == MINE
        return chosen or any(field.errors or self.data.get(field.name) for field in self.own)

    @property
    def shape(self) -> Shape:
        """Return the chosen model's shape, once the form is clean."""
        name = self.cleaned_data["model"]
        return self.own_models[name] if name in self.own_models else named_shape(name)

    @property
    def wanted_machine(self) -> Machine:
        """Return the chosen machine, once the form is clean."""
        chosen = self.cleaned_data["machine"]
        return PRESETS[chosen] if chosen in PRESETS else own_machine(self.cleaned_data)
