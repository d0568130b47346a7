"""Write what a page quotes, with the numbers of its sources: ``{% load quotes %}``."""

from __future__ import annotations

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.site.planner.sources import Quote

register = template.Library()
_NUMBER = '<a href="{}#source-{}" title="{}" lang="en">{}{}</a>'


@register.simple_tag
def quote(quoted: Quote) -> SafeString:
    """``{% quote size.story %}``: its words, and each source's number; a dagger if second-hand."""
    if not quoted.keys:
        return format_html("{}", quoted.text)
    page, mark = reverse("site:planner"), "†" if quoted.is_second_hand else ""
    rows = ((page, work.number, work.title, work.number, mark) for work in quoted.works)
    return format_html("{}<sup>{}</sup>", quoted.text, format_html_join(", ", _NUMBER, rows))
