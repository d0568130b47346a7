"""The playground’s form for models that talk: messages by their roles, in place of a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.errors import DomainError
from portal.forms.fields import LongText
from portal.jobs.chat.schemas import MOST_MESSAGES, parse_chat
from portal.jobs.models import Job
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.playground.forms import PlaygroundForm, initial_from

CHAT, TEXT = "chat", "text"
FIRST = ({"role": "system", "content": ""}, {"role": "user", "content": ""})
CONTENT = re.compile(r"content_([0-9]{1,3})")
LABELS = {
    "system": gettext_lazy("System"),
    "developer": gettext_lazy("Developer"),
    "user": gettext_lazy("User"),
    "assistant": gettext_lazy("Assistant"),
    "tool": gettext_lazy("Tool"),
}
ANSWERED = "assistant"


@dataclass(frozen=True)
class MessageRow:
    """The two fields of a message."""

    role: forms.BoundField
    content: forms.BoundField


class ChatPlaygroundForm(PlaygroundForm):
    """The same parameters for a chat. Messages without a word are left out."""

    is_chat = True
    prompt = None  # type: ignore[assignment]
    look_inside = None  # type: ignore[assignment]

    def __init__(
        self, *args: Any, data: QueryDict | None = None, initial: Any = None, **kwargs: Any
    ) -> None:
        messages = _sent(data) if data is not None else (initial or {}).get("messages", FIRST)
        super().__init__(*args, data=data, initial=initial, **{**kwargs, "inside": {}})
        self._count = len(messages)
        for number, message in enumerate(messages):
            self._add(number, message)

    def _add(self, number: int, message: Mapping[str, Any]) -> None:
        self.fields[f"role_{number}"] = forms.ChoiceField(
            label=_("Who says message %(number)s") % {"number": number + 1},
            choices=LABELS.items(),
            initial=message["role"],
            error_messages={
                "required": _("Choose who says it."),
                "invalid_choice": _("Choose a role."),
            },
        )
        self.fields[f"content_{number}"] = LongText(
            label=_("Message %(number)s") % {"number": number + 1},
            required=False,
            strip=False,
            initial=message["content"],
            widget=forms.Textarea(attrs={"class": "low", "rows": 3}),
        )

    def messages(self) -> list[MessageRow]:
        return [
            MessageRow(self[f"role_{number}"], self[f"content_{number}"])
            for number in range(self._count)
        ]

    def field_of(self, error: DomainError) -> str | None:
        if error.field == "messages" and self._count:
            return f"content_{self._count - 1}"
        named = {"max_completion_tokens": "max_tokens", "top_logprobs": "logprobs"}
        return named.get(error.field or "") or super().field_of(error)

    def clean(self) -> dict[str, Any]:
        said = [
            {"role": self.cleaned_data.get(f"role_{n}"), "content": text}
            for n in range(self._count)
            if (text := self.cleaned_data.get(f"content_{n}"))
        ]
        if not self.errors and (not said or said[-1]["role"] == ANSWERED):
            last = f"content_{self._count - 1}" if self._count else None
            self.add_error(last, _("Write a message for the model to answer."))
        self.cleaned_data["messages"] = said
        return super().clean()

    def _completion_request(self, cleaned: dict[str, Any]) -> CompletionRequest:
        names = (*self.PARAMETERS, *self.MORE, "model", "messages")
        sent = {name: cleaned[name] for name in names if name in cleaned}
        scored = {"logprobs": True, "top_logprobs": self.most_logprobs}
        sent |= {"stop": self.stop_string(cleaned), "stream": True, "logprobs": None}
        chat, completion = parse_chat({**sent, **(scored if cleaned.get("logprobs") else {})})
        cleaned["chat"] = chat
        return completion


def _sent(data: QueryDict) -> list[dict[str, str]]:
    """Return the messages that a browser sent, by their numbers, with none left out."""
    numbers = [int(match[1]) for name in data if (match := CONTENT.fullmatch(name))]
    count = min(max(numbers, default=-1) + 1, MOST_MESSAGES)
    return [{"role": "user", "content": ""}] * count


def with_reply(data: QueryDict, job: Job, answer: str) -> QueryDict:
    """Return a form in which a job’s chat goes on: its messages, its answer, and the reply."""
    messages = [
        *messages_of(job),
        {"role": ANSWERED, "content": answer},
        {"role": "user", "content": data.get("reply", "")},
    ]
    for name in [name for name in data if CONTENT.fullmatch(name)]:
        del data[name]
    for number, message in enumerate(messages):
        data[f"role_{number}"], data[f"content_{number}"] = message["role"], message["content"]
    return data


def messages_of(job: Job) -> list[dict[str, str]]:
    """Return who said what in a job’s chat; calls of tools are left to programs."""
    said = (job.chat or {}).get("messages", [])
    return [{"role": item["role"], "content": item.get("content", "")} for item in said]


def chat_initial(job: Job) -> dict[str, Any]:
    """Return the form’s values as a chat was asked for."""
    return {**initial_from(job), "messages": messages_of(job)}
