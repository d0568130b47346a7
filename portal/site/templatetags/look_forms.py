"""Forms in the look: ``{% load look_forms %}``, then ``{% error_summary form %}``, ``{% field %}``.

Label, hint, error, control, in that order. A form says what it asks; these say how it looks:
``field.choice_hints = {value: words}`` puts a line under a choice; ``field.language`` is that of a
label and a hint by others than us, such as a lab or a licence, ``field.choice_language`` that of
their choices.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms, template
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from portal.formatting import months_after
from portal.text.languages import in_language

register = template.Library()

REQUIRED = forms.Field.default_error_messages["required"]
OFFERED_MONTHS = (3, 6, 12)
NUMBERS = {
    2: _("Two"),
    3: _("Three"),
    4: _("Four"),
    5: _("Five"),
    6: _("Six"),
    7: _("Seven"),
    8: _("Eight"),
    9: _("Nine"),
}


@register.inclusion_tag("forms/field.html")
def field(
    bound: BoundField,
    hint: str | None = None,
    css: str = "",
    reveals: BoundField | None = None,
    on: str = "",
) -> dict[str, Any]:
    """One question. ``hint=""`` drops the form's own; ``css="full"`` or ``"short"`` sizes it.

    ``reveals`` is a second question, shown under the choice whose value is ``on``.
    """
    errors = messages_of(bound)
    hint_text = str(bound.help_text) if hint is None else hint
    kind = _kind(bound)
    return {
        "kind": kind,
        "label": _worded(bound, bound.label),
        "hint": _worded(bound, hint_text),
        "errors": errors,
        "optional": _is_optional(bound, kind),
        "id": bound.auto_id,
        "for": bound.id_for_label,
        "css": css,
        "described": _described(bound, hint_text, errors),
        "control": _control(bound, kind, hint_text, errors),
        "choices": _choices(bound, on) if kind == "choices" else (),
        "reveals": reveals,
    }


def _worded(bound: BoundField, text: object) -> object:
    """Mark a text of the field by its language, where that isn't the page's."""
    language = getattr(bound.field, "language", None)
    return text if language is None or not text else in_language(language, text)


def _is_optional(bound: BoundField, kind: str) -> bool:
    """Tell whether the label says so; of a form’s ``needed_if`` it says itself when it isn’t."""
    needed_if = getattr(bound.form, "needed_if", ())
    return not bound.field.required and kind != "check" and bound.name not in needed_if


@register.inclusion_tag("forms/until.html", takes_context=True)
def until(context: template.Context, bound: BoundField) -> dict[str, Any]:
    """Ask for a last day: the field, the day in our own words, and days that are often chosen."""
    today = timezone.localtime(context.get("now") or timezone.now()).date()
    value = bound.value()
    return {
        "bound": bound,
        "id": bound.auto_id,
        "day": value if isinstance(value, date) else None,
        "choices": [
            (
                ngettext("%(number)d month", "%(number)d months", months) % {"number": months},
                months_after(today, months),
            )
            for months in OFFERED_MONTHS
        ],
    }


@register.simple_tag
def relabel(form: forms.BaseForm, **labels: str) -> str:
    """``{% relabel form login="Username or e-mail" %}``: our words for a form that isn't ours."""
    for name, label in labels.items():
        form[name].label = label
    return ""


@register.inclusion_tag("forms/checks.html")
def checks(legend: str, *given: BoundField | list[BoundField], hint: str = "") -> dict[str, Any]:
    """Several yes-or-no fields under one legend: ``{% checks "You confirm" form.a form.b %}``.

    A list of them is taken as well as one by one.
    """
    bounds = [bound for group in given for bound in (group if isinstance(group, list) else [group])]
    return {
        "legend": legend,
        "hint": hint,
        "id": bounds[0].auto_id,
        "rows": [
            {
                "label": _worded(bound, bound.label),
                "hint": _worded(bound, bound.help_text),
                "id": bound.auto_id,
                "errors": messages_of(bound),
                "control": _control(bound, "check", "", messages_of(bound)),
            }
            for bound in bounds
        ],
    }


@register.inclusion_tag("forms/error_summary.html")
def error_summary(*shown: forms.BaseForm | list[forms.BaseForm]) -> dict[str, Any]:
    """Render one summary of the errors of all forms, in the words that stand beside each field."""
    all_forms = [form for part in shown for form in (part if isinstance(part, list) else [part])]
    rows = [
        {"label": _unless_named(bound, text), "text": text, "target": _target(bound)}
        for form in all_forms
        if form
        for bound in form
        for text in messages_of(bound)
    ]
    general = [text for form in all_forms if form for text in form.non_field_errors()]
    fields = len({row["target"] for row in rows})  # two faults of one answer are one answer’s
    return {"rows": rows, "general": general, "heading": _heading(fields)}


def _unless_named(bound: BoundField, text: str) -> str:
    """Return the field's label with a space, or nothing where the error's own words name it."""
    label = strip_tags(str(bound.label)).strip()
    if not label or label.lower() in text.lower():
        return ""
    return f"{label} " if label.endswith(("?", ".", ":")) else f"{label}: "


def messages_of(bound: BoundField) -> list[str]:
    """Return the field's errors; Django's bare "required" becomes what to do."""
    data = bound.form.errors.as_data().get(bound.name, [])
    return [text for error in data for text in _texts(error, bound)]


def _texts(error: ValidationError, bound: BoundField) -> list[str]:
    if error.code == "required" and list(error.messages) == [str(REQUIRED)]:
        return [_what_to_do(bound) % {"label": strip_tags(str(bound.label))}]
    return [str(text) for text in error.messages]


def _heading(count: int) -> str:
    if count == 1:
        return gettext("One answer needs your attention")
    number = NUMBERS.get(count, str(count))
    return gettext("%(number)s answers need your attention") % {"number": number}


def _kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    return "check" if isinstance(widget, forms.CheckboxInput) else "line"


def _what_to_do(bound: BoundField) -> str:
    if _kind(bound) == "check":
        return gettext("Tick “%(label)s”")
    if hasattr(bound.field, "choices"):
        return gettext("Choose an answer to “%(label)s”")
    return gettext("Fill in “%(label)s”")


def _described(bound: BoundField, hint: str, errors: list[str]) -> str:
    parts = [f"{bound.auto_id}-h"] if hint else []
    parts += [f"{bound.auto_id}-e"] if errors else []
    own = bound.field.widget.attrs.get("aria-describedby", "")
    return " ".join([*parts, own]).strip()


def _control(bound: BoundField, kind: str, hint: str, errors: list[str]) -> SafeString:
    if kind == "choices":
        return mark_safe("")
    attrs: dict[str, Any] = {"placeholder": False, **_direction(bound.field.widget)}
    if described := _described(bound, "" if kind == "check" else hint, errors):
        attrs["aria-describedby"] = described
    if errors:
        attrs["aria-invalid"] = "true"
    if not bound.field.show_hidden_initial:
        return bound.as_widget(attrs=attrs)
    return format_html("{}{}", bound.as_widget(attrs=attrs), bound.as_hidden(only_initial=True))


def _direction(widget: forms.Widget) -> dict[str, str]:
    """Let typed words run by their script; addresses and numbers keep their own direction."""
    words = isinstance(widget, forms.Textarea) or getattr(widget, "input_type", "") == "text"
    return {"dir": "auto"} if words else {}


def _choices(bound: BoundField, reveals_on: str) -> list[dict[str, Any]]:
    hints = getattr(bound.field, "choice_hints", {})
    language = getattr(bound.field, "choice_language", None)
    rows = []
    for choice in bound:
        value = str(choice.data["value"])
        if reveals_on and value == reveals_on:
            choice.data["attrs"]["data-reveals"] = True
        rows.append(
            {
                "control": choice.tag(),
                "label": choice.choice_label
                if language is None
                else in_language(language, choice.choice_label),
                "hint": hints.get(value, ""),
            }
        )
    return rows


def _target(bound: BoundField) -> str:
    """Return the id for a link to the field: of a group of choices, the first one's."""
    return f"{bound.auto_id}_0" if _kind(bound) == "choices" else bound.auto_id
