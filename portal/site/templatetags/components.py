"""Components with a body of their own: ``{% load components %}``.

Each renders a template named after it. A body is rendered with the page's context, so what it
includes, and its forms' tokens, work as they do outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from django import template
from django.core.paginator import Page
from django.template import Engine
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal.site.shortcuts import SHORTCUTS

register = template.Library()


@dataclass(frozen=True)
class Column:
    """A table's column: a title, and its classes, written ``.n.fold``; ``.vh`` hides it."""

    title: str
    css: str
    hidden: bool

    @classmethod
    def parse(cls, title: str, classes: str) -> Self:
        names = [name for name in classes.split(".") if name]
        shown = [name for name in names if name != "vh"]
        return cls(title, " ".join(shown), hidden=len(shown) < len(names))

    @classmethod
    def listed(cls, words: Iterable[str]) -> Iterator[Self]:
        """Yield the columns of titles, after each of which its classes may follow, or stand in it.

        Beside a title that is translated they are a word of their own: ``_("Size") ".n.fold"``.
        """
        title, classes = "", ""
        for word in map(str, words):
            if word.startswith("."):
                classes = word
                continue
            if title:
                yield cls.parse(title, classes)
            title, _, classes = word.partition(" .")
        if title:
            yield cls.parse(title, classes)


@register.simple_block_tag(takes_context=True)
def act_form(
    context: template.Context,
    content: SafeString,
    name: str,
    act: str,
    *,
    tone: str = "go",
    keys: str = "",
) -> SafeString:
    """Render a form on a case: ``{% act_form "note" "Save" %}`` posts to "access:note".

    It stands in a dialog of that name, or on the page itself after it was refused.
    """
    case, carried = context["case"].pk, context["carried"]
    action, back = (reverse(f"access:{page}", args=[case]) + carried for page in (name, "case"))
    shown = {"content": content, "act": act, "tone": tone, "keys": keys}
    shown["cancel"] = gettext("Cancel")
    return _render(context, "_act_form.html", action=action, back=back, **shown)


@register.simple_block_tag(takes_context=True)
def dialog(
    context: template.Context,
    content: SafeString,
    name: str,
    act: str,
    *,
    action: str,
    of: object = "",
    tone: str = "stop",
    cancel: str = "",
) -> SafeString:
    """Render a form in a popover: its body is the head, ``<h2 id="NAME-h">``, and the fields.

    On a page with one for each of many rows, ``of=row.pk`` makes the name ``NAME-PK``.
    """
    dialog_id = f"{name}-{of}" if of else name
    shown = {"content": content, "act": act, "action": action, "tone": tone}
    shown["cancel"] = cancel or gettext("Cancel")
    shown["keys"] = ""  # another form of the page may have set it
    return _render(context, "_dialog.html", dialog=dialog_id, **shown)


@register.simple_block_tag(takes_context=True)
def blankslate(
    context: template.Context,
    content: SafeString,
    heading: str,
    act_url: str = "",
    act_label: str = "",
    *,
    other_url: str = "",
    other_label: str = "",
) -> SafeString:
    """Render the place of an empty list: why it is empty, and one thing to do."""
    acts = {"act_url": act_url, "act_label": act_label}
    others = {"other_url": other_url, "other_label": other_label}
    return _render(context, "_blankslate.html", heading=heading, text=content, **acts, **others)


@register.simple_block_tag(takes_context=True)
def section(
    context: template.Context,
    content: SafeString,
    head_id: str,
    title: str,
    *,
    hint: str = "",
    css: str = "",
) -> SafeString:
    """Render a section named by its head; with a hint, both stand in the ledger's margin."""
    shown = {"head_id": head_id, "title": title, "hint": hint, "css": css}
    return _render(context, "_section.html", content=content, **shown)


@register.simple_block_tag(takes_context=True)
def table(
    context: template.Context,
    content: SafeString,
    *columns: str,
    css: str = "foldable",
    caption: str = "",
    scroll: str = "",
) -> SafeString:
    """Render a table's frame and head around its rows.

    ``{% table "Name" "Size .n.fold" "Action .vh" %}<tr>…</tr>{% endtable %}``; ``caption`` is read
    to those who don't see the page; ``scroll`` names the region of a table too wide to fold. Titles
    to translate have their classes beside them: ``{% table _("Name") _("Size") ".n.fold" %}``.
    """
    heads = list(Column.listed(columns))
    frame = {"columns": heads, "css": css, "caption": caption, "scroll": scroll}
    return _render(context, "_table.html", rows=content, **frame)


@register.inclusion_tag("_pages.html", takes_context=True)
def pages(
    context: template.Context,
    page: Page[Any],
    label: str = "",
    *,
    parameter: str = "page",
    fragment: str = "",
) -> dict[str, Any]:
    """Render the links to the pages before and after, which keep the address's other parameters."""

    def address(number: int) -> str:
        query = context["request"].GET.copy()
        query[parameter] = number
        return f"?{query.urlencode()}{fragment}"

    shown: dict[str, Any] = {"page": page, "label": label or gettext("Pages")}
    if page.has_previous():
        shown["previous"] = address(page.previous_page_number())
    if page.has_next():
        shown["next"] = address(page.next_page_number())
    return shown


@register.inclusion_tag("access/_keys.html")
def keys_dialog(page: str) -> dict[str, Any]:
    """``{% keys_dialog "queue" %}``: the list of a page's keyboard shortcuts, which “?” opens."""
    return {"shortcuts": SHORTCUTS[page]}


def _render(context: template.Context, name: str, **shown: object) -> SafeString:
    with context.push(**shown):
        return Engine.get_default().get_template(name).render(context)
