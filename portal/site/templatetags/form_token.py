"""Let ``{% csrf_token %}`` of every form say whom the form was drawn for as well."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.forms.kept import FIELD, signer

register = template.Library()


@register.simple_tag(takes_context=True)
def csrf_token(context: Context) -> SafeString:
    """Write Django's token, and who is signed in, signed: what they type is kept for them alone."""
    token = SafeString(CsrfTokenNode().render(context))
    user: Any = context.get("user")
    if not token or user is None or not user.is_authenticated:
        return token
    return token + format_html(
        '<input type="hidden" name="{}" value="{}">', FIELD, signer().sign(str(user.pk))
    )
