"""Present a job on its page: words shaded by their likelihood, and figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.access.policy.refusals import Refusal
from portal.formatting import figures as formatted
from portal.formatting import short_date
from portal.jobs.hosting import HostedModel
from portal.jobs.models import Job
from portal.jobs.streaming.event_log import ChoiceEvent, TokenLogprobs
from portal.text.languages import Words

SHADES = (-0.7, -1.5, -2.5, -3.5)  # log-probabilities at which the shade deepens
MINUS = "\u2212"


@dataclass(frozen=True)
class Alternative:
    """A token that was likely in the place of another."""

    name: str
    logprob: str
    percent: str


@dataclass(frozen=True)
class Word:
    """One token. ``text`` is what it adds to the text; ``chosen`` how it looks by itself."""

    number: int
    lead: str
    text: str
    chosen: str
    logprob: str
    percent: str
    shade: int
    others: list[Alternative]

    @property
    def markup(self) -> SafeString:
        """Render the word without the file's last line break, which the completion would show."""
        return mark_safe(render_to_string("jobs/_token.html", {"word": self}).removesuffix("\n"))  # noqa: S308 (escaped by the template)


def words(events: list[ChoiceEvent], model: HostedModel) -> list[Word]:
    """Return the first choice's tokens as words. An event's text is shown with its last token."""
    return [word for event in events if event.choice == 0 for word in _words(event, model)]


def _words(event: ChoiceEvent, model: HostedModel) -> list[Word]:
    texts = _texts(event, model)
    logprobs = event.logprobs or [[] for _ in event.tokens]
    return [
        _word(event.position + place + 1, text, token, entries, model)
        for place, (text, token, entries) in enumerate(
            zip(texts, event.tokens, logprobs, strict=True)
        )
    ]


def _texts(event: ChoiceEvent, model: HostedModel) -> list[str]:
    """Share the event's text out to its tokens: each gets what it completes, in one pass."""
    if len(event.tokens) == 1:
        return [event.text]
    texts, taken = [], 0
    for piece in model.pieces(event.tokens):
        texts.append(event.text[taken : taken + len(piece)])
        taken += len(piece)
    if texts:
        texts[-1] += event.text[taken:]
    return texts


def _word(number: int, text: str, token: int, entries: TokenLogprobs, model: HostedModel) -> Word:
    bare = text.lstrip(" ")
    chosen, *others = [_alternative(entry) for entry in entries] or [Alternative("", "", "")]
    logprob = entries[0][1] if entries else 0.0
    name = chosen.name or (model.tokenizer.name(token) if model.tokenizer else str(token))
    return Word(
        number=number,
        lead=text[: len(text) - len(bare)],
        text=bare,
        chosen=visible(name),
        logprob=chosen.logprob,
        percent=chosen.percent,
        shade=sum(logprob < bound for bound in SHADES),
        others=others,
    )


def _alternative(entry: list[Any]) -> Alternative:
    token, logprob, name = entry
    percent = formatted(f"{100 * math.exp(logprob):.1f}\u00a0%")
    return Alternative(visible(str(token) if name is None else name), signed(logprob), percent)


def signed(number: float) -> str:
    return formatted(f"{number:.2f}").replace("-", MINUS)


def visible(name: str) -> str:
    """Make blanks visible."""
    return name.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")


@dataclass(frozen=True)
class Figures:
    """The figures of the usage line, empty where one is not known yet."""

    tokens: str
    first_after: str
    speed: str
    queued: str
    energy: str
    known: str  # measured or estimated
    carbon: str
    grid: str  # the carbon of a kWh that it was reckoned with
    cost: str
    priced: str  # the prices that it was reckoned with


def figures(job: Job, now: datetime) -> Figures:
    speed = job.tokens_per_second
    ended = job.ended_at is not None
    return Figures(
        tokens=f"{job.prompt_tokens} + {job.completion_tokens}",
        first_after=_seconds(job.first_token_after),
        speed=formatted(f"{speed:.1f}") if speed else "",
        queued=_seconds(job.waited or now - job.created_at),
        energy=f"{plain(job.energy_wh, 3)}\u00a0Wh" if ended else "",
        known=_("measured") if job.is_measured else _("estimated"),
        carbon=f"{plain(job.co2_g, 2)}\u00a0g" if ended else "",
        grid=f"{plain(1000 * job.co2_g / job.energy_wh, 3)}\u00a0g" if job.energy_wh else "",
        cost=formatted(f"{job.cost:.6f}") + f"\u00a0{job.currency}" if ended else "",
        priced=_priced(job),
    )


def _priced(job: Job) -> str:
    if job.tariff is None:
        return _("the settings’ prices")
    return _("prices from %(day)s on") % {"day": short_date(job.tariff.valid_from)}


def plain(number: float, count: int) -> str:
    """Round to so many figures, without an exponent: 0.000065, 1230."""
    return formatted(f"{Decimal(f'{number:.{count}g}'):f}")


def _seconds(span: timedelta | None) -> str:
    return "" if span is None else formatted(f"{max(span.total_seconds(), 0):.2f}\u00a0s")


ENDINGS: dict[str, Words] = {
    "length": gettext_lazy("ended by length"),
    "stop": gettext_lazy("ended by itself or at a stop"),
}


def ending(job: Job, events: list[ChoiceEvent]) -> str:
    """Say how the text ended."""
    if job.state == Job.State.SUCCEEDED:
        reasons = [event.finish_reason for event in events if event.finish_reason]
        return str(ENDINGS.get(reasons[0] or "", "")) if reasons else ""
    return _("stopped") if job.state == Job.State.CANCELLED else ""


def with_act(refusal: Refusal) -> SafeString:
    """Return a refusal in words, with the link to what can be done about it."""
    act = format_html('<a href="{}">{}</a>', refusal.act_url, refusal.act_label)
    return format_html("{} {}", refusal.heading, act)
