"""Set names and what people typed apart from our own words. The library is built in."""

from __future__ import annotations

from django import template
from django.template.defaultfilters import linebreaksbr
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.access.models import AccessRequest
from portal.access.screening.claimed_affiliations import workplace_of
from portal.text import bidi

register = template.Library()


@register.filter
def named(text: object) -> SafeString | str:
    """Isolate a name, whatever its script and length: ``{{ person.display_name|named }}``."""
    return format_html("<bdi>{}</bdi>", text) if text else ""


@register.filter
def typed(text: object) -> SafeString | str:
    """Isolate each line of what somebody wrote: ``{{ answer.text|typed }}``."""
    return format_html('<bdi class="lines">{}</bdi>', linebreaksbr(str(text))) if text else ""


@register.simple_tag
def workplace(access_request: AccessRequest) -> SafeString:
    """Write after a name where the applicant works: what is proved, and what they say beside it."""
    place = workplace_of(access_request)
    proved = format_html(", {}", named(place.name)) if place.name else SafeString()
    said = format_html(' <span class="quiet">(says {})</span>', named(place.said))
    return proved + said if place.said else proved


@register.filter
def isolated(text: object) -> str:
    """Isolate a name where no element may stand: in an attribute, an option, a title."""
    return bidi.isolated(str(text)) if text else ""
