"""Components with a body of their own: ``{% load components %}``."""

from __future__ import annotations

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag(takes_context=True)
def confirm(
    context: template.Context,
    content: SafeString,
    *,
    id: str,  # noqa: A002 (the attribute's name)
    title: str,
    subject: str,
    action: str,
    act: str,
) -> SafeString:
    """Render a popover that asks before an act that a slip would regret; its body says what follows."""
    shown = {"id": id, "title": title, "subject": subject, "action": action, "act": act}
    token = context.get("csrf_token")
    return render_to_string("_confirm.html", shown | {"text": content, "csrf_token": token})


@register.simple_block_tag
def empty_state(
    content: SafeString,
    heading: str,
    *,
    act_url: str = "",
    act_label: str = "",
    other_url: str = "",
    other_label: str = "",
) -> SafeString:
    """Render what stands where a list would: why it is empty, and one thing to do."""
    acts = {"act_url": act_url, "act_label": act_label}
    others = {"other_url": other_url, "other_label": other_label}
    return render_to_string("empty.html", {"heading": heading, "text": content} | acts | others)
