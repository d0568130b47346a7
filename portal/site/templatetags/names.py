"""Set names and what people typed apart from our own words. The library is built in."""

from __future__ import annotations

import re

from django import template
from django.template.defaultfilters import linebreaksbr
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal import formatting
from portal.access.models import AccessRequest
from portal.access.screening.claimed_affiliations import workplace_of
from portal.text import bidi

register = template.Library()

# Up to a blank, a quote or an angle; without the points and brackets that end a sentence.
ADDRESS = re.compile(r"(https?://[^\s<>\"“”]*[^\s<>\"“”.,;:!?)\]’'])", re.IGNORECASE)


@register.filter
def named(text: object) -> SafeString | str:
    """Isolate a name, whatever its script and length: ``{{ person.display_name|named }}``."""
    return format_html("<bdi>{}</bdi>", text) if text else ""


@register.filter
def typed(text: object) -> SafeString | str:
    """Isolate each line of what somebody wrote: ``{{ answer.text|typed }}``.

    Nobody knows its language, which isn't that of the page; an empty ``lang`` says so.
    """
    return _lines(linebreaksbr(str(text))) if text else ""


@register.filter
def typed_links(text: object) -> SafeString | str:
    """Write what somebody wrote as ``typed`` does, with its web addresses as links.

    A link shows the address as it was typed, tells it neither who came nor from where, and opens
    apart, so that nothing that is half decided is left.
    """
    return _lines(linebreaksbr(_linked(str(text)))) if text else ""


@register.filter
def quoted(text: object) -> SafeString | str:
    """Write what somebody wrote as ``typed`` does, in the reader's own quotation marks."""
    if not text:
        return ""
    before, after = formatting.quoted("\n").split("\n")
    return format_html("{}{}{}", before, typed(text), after)


def _lines(text: str) -> SafeString:
    return format_html('<bdi class="lines" lang="">{}</bdi>', text)


def _linked(text: str) -> SafeString:
    pieces = ADDRESS.split(text)  # what is at an odd place is an address
    return format_html_join("", "{}", ((_link(p) if at % 2 else p,) for at, p in enumerate(pieces)))


def _link(address: str) -> SafeString:
    rel = "noopener noreferrer nofollow ugc"
    return format_html('<a href="{}" rel="{}" target="_blank">{}</a>', address, rel, address)


@register.simple_tag
def workplace(access_request: AccessRequest) -> SafeString:
    """Write after a name where the applicant works: what is proved, and what they say beside it."""
    place = workplace_of(access_request)
    proved = format_html(", {}", named(place.name)) if place.name else SafeString()
    said = format_html(
        ' <span class="quiet">({})</span>',
        format_html(gettext("says {name}"), name=named(place.said)),
    )
    return proved + said if place.said else proved


@register.filter
def isolated(text: object) -> str:
    """Isolate a name where no element may stand: in an attribute, an option, a title."""
    return bidi.isolated(str(text)) if text else ""
