"""Components with a body of their own: ``{% load components %}``."""

from __future__ import annotations

from django import template
from django.template import Engine
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag(takes_context=True)
def confirm(
    context: template.Context,
    content: SafeString,
    *,
    id: str,
    title: str,
    subject: str,
    action: str,
    act: str,
) -> SafeString:
    """Render a popover that asks before an act that can't be undone; its body says what follows."""
    shown = {"id": id, "title": title, "subject": subject, "action": action, "act": act}
    with context.push(**shown, text=content):
        return Engine.get_default().get_template("_confirm.html").render(context)


@register.simple_block_tag
def blankslate(
    content: SafeString,
    heading: str,
    act_url: str = "",
    act_label: str = "",
    *,
    other_url: str = "",
    other_label: str = "",
) -> SafeString:
    """Render what stands where a list would: why it is empty, and one thing to do."""
    acts = {"act_url": act_url, "act_label": act_label}
    others = {"other_url": other_url, "other_label": other_label}
    return render_to_string("empty.html", {"heading": heading, "text": content} | acts | others)
