"""The playground's form: how it looks; ``schemas`` says what is right."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.jobs.errors import BadParameter
from portal.jobs.models import Job
from portal.jobs.schemas import MAX_LOGPROBS, CompletionRequest, parse_completion


class PlaygroundForm(forms.Form):
    model = forms.ChoiceField(label="Model")
    prompt = forms.CharField(
        label="Prompt",
        strip=False,
        widget=forms.Textarea(attrs={"class": "low", "rows": 4}),
        error_messages={"required": "Write a few words for the model to go on from."},
    )
    max_tokens = forms.IntegerField(label="Tokens at most", initial=64, min_value=1)
    temperature = forms.FloatField(
        label="Temperature",
        initial=0.8,
        min_value=0,
        max_value=2,
        step_size=0.05,
        help_text="0 always takes the likeliest token",
    )
    top_p = forms.FloatField(label="Top-p", initial=0.95, min_value=0, max_value=1, step_size=0.01)
    top_k = forms.IntegerField(
        label="Top-k", initial=0, min_value=0, required=False, help_text="0 is off"
    )
    seed = forms.IntegerField(
        label="Seed",
        required=False,
        help_text="The same seed gives the same text on this engine; empty draws one",
    )
    logprobs = forms.IntegerField(
        label="Log-probabilities", initial=MAX_LOGPROBS, min_value=0, max_value=MAX_LOGPROBS
    )
    stop = forms.CharField(
        label="Stop at",
        required=False,
        strip=False,
        help_text="The text ends before this; \\n is a new line",
    )

    PARAMETERS = ("max_tokens", "temperature", "top_p", "top_k", "seed", "logprobs", "stop")

    def __init__(self, *args: Any, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = [(name, name) for name in models]  # type: ignore[attr-defined]
        for name in self.PARAMETERS:  # they stand beside the form, not in it
            self.fields[name].widget.attrs["form"] = "ask"

    def parameters(self) -> list[forms.BoundField]:
        return [self[name] for name in self.PARAMETERS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                cleaned["asked"] = self._asked(cleaned)
            except BadParameter as error:
                self.add_error(error.field if error.field in self.fields else None, error.message)
        return cleaned

    @staticmethod
    def _asked(cleaned: dict[str, Any]) -> CompletionRequest:
        stop = cleaned["stop"].replace("\\n", "\n")
        return parse_completion({**cleaned, "stop": stop or None, "stream": True})


def initial_from(job: Job) -> dict[str, Any]:
    """The form as it was when the job was asked for; the prompt is added by who can decode it."""
    params = job.params
    kept = {name: params[name] for name in PlaygroundForm.PARAMETERS if name != "stop"}
    stop = "".join(params["stop"][:1]).replace("\n", "\\n")
    return {**kept, "stop": stop, "model": job.repo.full_name}
