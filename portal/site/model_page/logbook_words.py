"""Words of a logbook's entries: titles, changes, and figures in units that people read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import formatting
from portal.catalog.logbook.fields import WrongEntry, zone_named
from portal.catalog.models import LogbookEntry
from portal.text.languages import in_english

Kind = LogbookEntry.Kind
CAUSES = {
    "ecc": gettext_lazy("memory error"),
    "gpu_lost": gettext_lazy("lost GPU"),
    "nccl": gettext_lazy("communication between GPUs"),
    "cuda": gettext_lazy("CUDA error"),
    "hang": gettext_lazy("hang"),
    "storage": gettext_lazy("storage"),
    "node_add": gettext_lazy("a node was added"),
    "divergence": gettext_lazy("the loss diverged"),
    "loss_scale": gettext_lazy("the loss scale fell"),
    "operator": gettext_lazy("by an operator"),
    "provider": gettext_lazy("the provider"),
    "other": gettext_lazy("cause unknown"),
}
TITLES = {
    Kind.HYPERPARAMETER: gettext_lazy("Settings"),
    Kind.ONCALL: gettext_lazy("On call"),
    Kind.EVALUATION: gettext_lazy("Evaluation"),
}
# Whole numbers alone: neither the decimals of one, nor a part of a digest.
BARE_BYTES = re.compile(r"(?<![\w.,])(\d{4,18}) bytes\b")
BARE_COUNT = re.compile(r"(?<![\w.,])(\d{5,18})(?= (?:tokens|steps|files|samples|sequences)\b)")


def title_of(entry: LogbookEntry) -> str:
    """Return what an entry is, in a few words."""
    kind = Kind(entry.kind)
    if kind == Kind.LAUNCH:
        return _("Run %(run)s started") % {"run": entry.run}
    if kind == Kind.RESTART:
        run = {"run": entry.run}
        if entry.automatic:
            return _("Run %(run)s restarted by itself") % run
        return _("Run %(run)s restarted by hand") % run
    title = str(TITLES.get(kind, kind.label))
    if entry.cause:
        title = f"{title}: {cause_words(entry.cause)}"
    if entry.step is None:
        return title
    return _("%(title)s, step %(step)s") % {
        "title": title,
        "step": formatting.thousands(entry.step),
    }


def cause_words(cause: str) -> str:
    return str(CAUSES.get(cause, cause))


def change_words(change: dict[str, Any]) -> str:
    """Write a setting, or its change as ``weight decay: 0.1 → 0.05``, with the reason given."""
    name = str(change.get("name", "")).replace("_", " ")
    before, after = (_value(name, change.get(key)) for key in ("from", "to"))
    text = f"{name}: {after}" if change.get("from") is None else f"{name}: {before} → {after}"
    reason = str(change.get("reason") or "")
    return f"{text} ({reason})" if reason not in ("", "initial") else text


def _value(name: str, value: Any) -> str:
    if isinstance(value, float):
        return formatting.figures(str(value))
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value)
    return (
        formatting.size(value)
        if name.endswith("bytes") and value >= 0
        else formatting.thousands(value)
    )


@in_english
def in_human_units(text: str) -> str:
    """Write long bare numbers of a program's sentence, in English, so that people can read them."""
    sized = BARE_BYTES.sub(lambda match: formatting.size(int(match[1])), text)
    return BARE_COUNT.sub(lambda match: f"{int(match[1]):,}", sized)


def local_time(entry: LogbookEntry) -> str:
    """Return an entry's time in the lab's own zone, where that isn't UTC: ``03:20 PT``."""
    if entry.zone in ("UTC", "GMT", "Z", ""):
        return ""
    try:
        local: datetime = entry.occurred_at.astimezone(zone_named(entry.zone))
    except WrongEntry:
        return ""
    if not local.utcoffset():
        return ""
    return f"{formatting.near_date(local.date())}, {local:%H:%M} {entry.zone}"
