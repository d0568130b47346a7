"""What people are called and what they typed, set apart from our own words. Built in."""

from __future__ import annotations

from django import template
from django.template.defaultfilters import linebreaksbr
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import bidi
from portal.access.claims import Workplace, workplace_of
from portal.access.models import AccessRequest

register = template.Library()


@register.filter
def named(text: object) -> SafeString | str:
    """``{{ person.display_name|named }}``: a name, whatever its script and however long."""
    return format_html("<bdi>{}</bdi>", text) if text else ""


@register.filter
def typed(text: object) -> SafeString | str:
    """``{{ answer.text|typed }}``: what somebody wrote, each line in its own direction."""
    return format_html('<bdi class="lines">{}</bdi>', linebreaksbr(str(text))) if text else ""


@register.filter
def workplace(access_request: AccessRequest) -> Workplace:
    """Where the applicant works: what is proved, and what they say where that differs."""
    return workplace_of(access_request)


@register.filter
def isolated(text: object) -> str:
    """The same as ``named`` where no element may stand: in an attribute, an option, a title."""
    return bidi.isolated(str(text)) if text else ""
