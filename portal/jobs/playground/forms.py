"""The playground's form. What is valid, ``portal.jobs.openai.schemas`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.interp.spec import ModelShape
from inference.interp.wire import capture_json
from portal.errors import DomainError
from portal.formatting import thousands
from portal.forms.fields import LongText, told_as, with_unix_lines
from portal.jobs.chat.prompting import PARSER
from portal.jobs.errors import BadParameter
from portal.jobs.models import Job
from portal.jobs.openai.parameters import asked_parameters, shown
from portal.jobs.openai.schemas import MAX_LOGPROBS, CompletionRequest, parse_completion
from portal.jobs.playground.inside import captures_of_playground, longest_inside
from portal.text.languages import Words


def _more(
    label: Words, initial: float, least: float, most: float, help_text: Words
) -> forms.FloatField:
    """Make a field that few need, whose initial value changes nothing."""
    return forms.FloatField(
        label=label,
        initial=initial,
        min_value=least,
        max_value=most,
        required=False,
        help_text=help_text,
        error_messages=told_as(
            format_lazy(
                _("{label}: give a number from {least:g} to {most:g}."),
                label=label,
                least=least,
                most=most,
            )
        ),
    )


class PlaygroundForm(forms.Form):
    is_chat = has_modes = False
    most_logprobs = MAX_LOGPROBS
    model = forms.ChoiceField(label=_("Model"))
    prompt = LongText(
        label=_("Prompt"),
        strip=False,
        widget=forms.Textarea(attrs={"class": "low", "rows": 4}),
        error_messages={"required": _("Write a few words for the model to go on from.")},
    )
    max_tokens = forms.IntegerField(
        label=_("Tokens at most"),
        initial=64,
        min_value=1,
        error_messages=told_as(_("Tokens at most: give a whole number of 1 or more.")),
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        initial=0.8,
        min_value=0,
        max_value=2,
        error_messages=told_as(_("Temperature: give a number from 0 to 2.")),
        help_text=_("0 always takes the likeliest token"),
    )
    top_p = forms.FloatField(
        label=_("Top-p"),
        initial=0.95,
        min_value=0,
        max_value=1,
        error_messages=told_as(_("Top-p: give a number from 0 to 1.")),
    )
    top_k = forms.IntegerField(
        label=_("Top-k"),
        initial=0,
        min_value=0,
        required=False,
        help_text=_("0 is off"),
        error_messages=told_as(_("Top-k: give a whole number of 0 or more.")),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        error_messages=told_as(_("Seed: give a whole number, or leave it empty.")),
        help_text=_("The same seed and revision give the same text; empty draws one each time"),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    logprobs = forms.BooleanField(
        label=_("Show log-probabilities"),
        required=False,
        help_text=format_lazy(
            _("Of each token, and of the {count} likeliest in its place"), count=MAX_LOGPROBS
        ),
    )
    look_inside = forms.BooleanField(
        label=_("Look inside"),
        required=False,
        help_text=_(
            "Where each head looks, and what each layer expects; counts as bytes taken out"
        ),
    )
    min_p = _more(
        _("Min-p"), 0, 0, 1, _("Leaves out what is less likely than this share of the best")
    )
    repetition_penalty = _more(
        _("Repetition penalty"), 1, 0.01, 100, _("1 is off; for tokens of the prompt and the text")
    )
    presence_penalty = _more(_("Presence penalty"), 0, -2, 2, _("For tokens of the text, once"))
    frequency_penalty = _more(
        _("Frequency penalty"), 0, -2, 2, _("For tokens of the text, each time")
    )
    stop = forms.CharField(
        label=_("Stop at"),
        required=False,
        strip=False,
        help_text=_("The text ends before this; \\n is a new line"),
    )

    PARAMETERS = (
        *("max_tokens", "temperature", "top_p", "top_k", "seed", "logprobs", "look_inside", "stop"),
    )
    MORE = ("min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")

    def __init__(
        self,
        *args: Any,
        models: list[str],
        scored: list[str],
        inside: Mapping[str, ModelShape],
        **kwargs: Any,
    ) -> None:
        """Offer ``models``.

        ``scored``: those whose log-probabilities the person may have. ``inside``: the shapes of
        those that the person may look into.
        """
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = [(name, name) for name in models]  # type: ignore[attr-defined]
        self.models, self.scored, self.inside = models, scored, inside
        for name, open_for in (("logprobs", scored), ("look_inside", list(inside))):
            if not open_for:
                self.fields.pop(name, None)
            elif len(open_for) < len(models):
                self.fields[name].help_text = format_lazy(
                    _("Open to you for {models}"), models=", ".join(open_for)
                )
        for field in [*self.parameters(), *self.more()]:  # they stand beside the form, not in it
            field.field.widget.attrs["form"] = "ask"

    def parameters(self) -> list[forms.BoundField]:
        return [self[name] for name in self.PARAMETERS if name in self.fields]

    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    def shows_more(self) -> bool:
        """Tell whether one of the fields that few need was set, or is wrong."""
        return any(bool(field.errors) or _is_set(field) for field in self.more())

    def clean_logprobs(self) -> bool:
        chosen, model = self.cleaned_data["logprobs"], self.cleaned_data.get("model", "")
        if chosen and model and model not in self.scored:
            raise forms.ValidationError(
                gettext("Text alone of %(model)s is open to you. Untick this.") % {"model": model}
            )
        return bool(chosen)

    def clean_look_inside(self) -> bool:
        chosen, model = self.cleaned_data["look_inside"], self.cleaned_data.get("model", "")
        if chosen and model and model not in self.inside:
            raise forms.ValidationError(
                gettext("The inside of %(model)s isn’t open to you. Untick this.")
                % {"model": model}
            )
        return bool(chosen)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                cleaned["completion_request"] = self._completion_request(cleaned)
            except BadParameter as error:
                self.add_error(self.field_of(error), error.message)
        return cleaned

    def field_of(self, error: DomainError) -> str | None:
        """Return the field beside which a refusal is shown; None for the whole form."""
        name = "look_inside" if error.field == "capture" else error.field
        return name if name in self.fields else None

    def _completion_request(self, cleaned: dict[str, Any]) -> CompletionRequest:
        logprobs = MAX_LOGPROBS if cleaned.get("logprobs") else None
        captures = self._captures(cleaned) if cleaned.get("look_inside") else []
        sent = {**cleaned, "logprobs": logprobs, "stop": self.stop_string(cleaned), "stream": True}
        return parse_completion({**sent, "capture": captures})

    @staticmethod
    def stop_string(cleaned: dict[str, Any]) -> str | None:
        return with_unix_lines(cleaned["stop"]).replace("\\n", "\n") or None

    def _captures(self, cleaned: dict[str, Any]) -> list[dict[str, Any]]:
        # no text has more tokens than bytes, but for one before it
        most_tokens = len(cleaned["prompt"].encode()) + 1 + cleaned["max_tokens"]
        shape = self.inside[cleaned["model"]]
        captures = captures_of_playground(shape, most_tokens)
        if not captures:
            longest = longest_inside(shape)
            numbers = {"tokens": thousands(most_tokens), "most": thousands(longest)}
            raise BadParameter(str(TOO_LONG_INSIDE) % numbers, field="capture")
        return [capture_json(capture) for capture in captures]


TOO_LONG_INSIDE = _(
    "This may come to %(tokens)s tokens, too long a text to look inside here: %(most)s are the "
    "most. Shorten the prompt or lower the tokens at most; a program may choose layers and "
    "positions."
)


def _is_set(bound: forms.BoundField) -> bool:
    value, initial = bound.value(), bound.field.initial
    return value not in (None, "", initial) and str(value) != str(initial)


def initial_from(job: Job) -> dict[str, Any]:
    """Return the form's values as the job was asked for, without its prompt.

    The prompt is added by who can decode it. A seed that was drawn is left out, so that running
    again draws another.
    """
    params = job.params
    return {
        **{name: params[name] for name in ("max_tokens", "temperature", "top_p", "top_k")},
        **{name: params[name] for name in PlaygroundForm.MORE if name in params},
        "seed": None if job.seed_drawn else params["seed"],
        "logprobs": params["logprobs"] is not None,
        "look_inside": job.source == Job.Source.PLAYGROUND and job.white_box is not None,
        "stop": "".join(params.get("stop", [])[:1]).replace("\n", "\\n"),
        "model": job.repo.full_name,
    }


def set_elsewhere(job: Job) -> dict[str, str]:
    """Return what a program set and this form has no field for, as a page shows it."""
    own = set(PlaygroundForm.base_fields)
    if job.source == Job.Source.PLAYGROUND:
        own.add("capture")
    return {
        name: shown(value)
        for name, value in {**_of_chat(job), **asked_parameters(job)}.items()
        if name not in own or (name == "stop" and len(value) > 1)
    }


def _of_chat(job: Job) -> dict[str, Any]:
    """Return what a program’s chat had besides its messages."""
    kept_chat = job.chat or {}
    return {name: value for name, value in kept_chat.items() if name not in ("messages", PARSER)}
