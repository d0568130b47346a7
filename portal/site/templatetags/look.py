"""Icons, marks and figures for every template: ``{% load look %}``."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from portal import formatting
from portal.site.icons import SHAPES
from portal.surfaces.assets.stylesheet import stylesheet_address
from portal.text import languages

register = template.Library()

LEAST_SHOWN = 0.01
MILLION = 1_000_000
TONES = ("calm", "yes", "wait", "stop")
_ICON = (
    '<svg class="ico" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"'
    ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
)


register.simple_tag(stylesheet_address, name="stylesheet")


@register.simple_tag
def icon(name: str) -> SafeString:
    """``{% icon "clock" %}``: one of ``portal.site.icons``; a word always stands beside it."""
    return mark_safe(_ICON.format(SHAPES[name]))  # noqa: S308 (our own constants)


@register.simple_tag
def badge(tone: str, text: object, icon: str) -> SafeString:
    """``{% badge "yes" "Approved" icon="tick" %}``: a status as shape, word and, last, colour."""
    if tone not in TONES:
        raise template.TemplateSyntaxError(f"badge: {tone!r} is none of {', '.join(TONES)}.")
    shape = mark_safe(_ICON.format(SHAPES[icon]))  # noqa: S308 (our own constants)
    return format_html('<span class="badge {}">{}{}</span>', tone, shape, text)


@register.simple_tag(name="hash")
def hash_(value: str) -> SafeString:
    """``{% hash blob.sha256 %}``: short to the eye, whole in its title."""
    return format_html('<span class="hash" title="{}">{}</span>', value, formatting.digest(value))


@register.simple_tag
def pips(on: int, of: int) -> SafeString:
    """``{% pips 3 4 %}``: filled of all, with the same in words."""
    cells = "".join('<i class="on"></i>' if place < on else "<i></i>" for place in range(of))
    return format_html(
        '<span class="pips" aria-hidden="true">{}</span>{}',
        mark_safe(cells),  # noqa: S308 (built above from constants)
        _("%(on)d of %(of)d") % {"on": on, "of": of},
    )


@register.simple_tag(takes_context=True)
def moment(context: template.Context, value: datetime, *, utc: bool = False) -> SafeString:
    """``{% moment event.at %}``: a ``<time>`` as lists and histories show it.

    utc: in a record whose times are those of UTC for every reader.
    """
    now = context.get("now") or timezone.now()
    stamp = timezone.localtime(value).isoformat(timespec="minutes")
    words = formatting.moment(value, now, None if utc else context.get("zone"))
    return format_html('<time datetime="{}">{}</time>', stamp, words)


@register.simple_tag(takes_context=True)
def clock(context: template.Context, value: datetime) -> SafeString:
    """``{% clock draft.saved_at %}``: a ``<time>`` with the time of day alone."""
    stamp = timezone.localtime(value).isoformat(timespec="minutes")
    return format_html(
        '<time datetime="{}">{}</time>', stamp, formatting.clock(value, context.get("zone"))
    )


@register.simple_tag
def day(value: datetime | date) -> SafeString:
    """``{% day request.due_at %}``: a ``<time>`` with the whole date, where it binds."""
    local = timezone.localtime(value).date() if isinstance(value, datetime) else value
    return format_html(
        '<time datetime="{}">{}</time>', local.isoformat(), formatting.whole_date(value)
    )


@register.simple_tag
def site_line() -> str:
    """Write the last line of a mail: the site and its address. Mails have no request."""
    return f"{settings.SITE_NAME}, {settings.BASE_URL}"


@register.filter
def language_name(tag: str) -> str:
    """Write a language's name by its tag: German, in German Deutsch."""
    return languages.language_name(tag)


@register.filter
def with_code(text: str) -> SafeString:
    """Write a sentence with what stands between backticks as code."""
    tags = ("{}", "<code>{}</code>")
    parts = (format_html(tags[place % 2], part) for place, part in enumerate(text.split("`")))
    return format_html_join("", "{}", ((part,) for part in parts))


@register.filter
def filesize_si(size_bytes: int | None) -> str:
    return "" if size_bytes is None else formatting.size(int(size_bytes))


@register.filter
def parameters(count: int | None) -> str:
    return "" if count is None else formatting.count(int(count))


@register.filter
def short_hash(value: str | None) -> str:
    return formatting.digest(value or "")


@register.filter
def duration_short(value: timedelta | datetime | date | None, now: datetime | None = None) -> str:
    """Write a span as "5 d", and a due time as "in 11 d" or "1 d late", seen from ``now``."""
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return formatting.duration(value)
    return formatting.until(value, now or timezone.now())


@register.filter
def age_short(since: datetime | None, now: datetime | None = None) -> str:
    """Write the age of something: "5 d"."""
    return "" if since is None else formatting.duration((now or timezone.now()) - since)


@register.filter
def in_days(value: datetime | date | None, now: datetime | None = None) -> str:
    return "" if value is None else formatting.in_days(value, now or timezone.now())


@register.filter
def whole_date(value: datetime | date | None) -> str:
    return "" if value is None else formatting.whole_date(value)


@register.filter
def short_date(value: datetime | date | None) -> str:
    return "" if value is None else formatting.short_date(value)


@register.filter
def thousands(value: int | None) -> str:
    """20,000"""
    return "" if value is None else formatting.thousands(value)


@register.filter
def decimals(value: float, places: int = 1) -> str:
    """Write a number with so many places: 1,204.5. For people; machines read ``floatformat``."""
    return formatting.figures(f"{value:,.{places}f}")


@register.filter
def figures(number: object) -> str:
    """Write a number that another filter has formatted with the signs of the active language."""
    return formatting.figures(str(number))


@register.filter
def duration_words(span: timedelta | None) -> str:
    """57 days, 3 hours, 12 minutes, under a minute: for a figure that stands alone."""
    return "" if span is None else formatting.duration_words(span)


@register.filter
def money(value: float) -> str:
    """4.57 million, 12,300, 8.40, under 0.01: an estimate, so without what it can't know."""
    if value >= MILLION:
        number = formatting.figures(f"{value / MILLION:.3g}")
        return (_("%(number)s million") % {"number": number}).replace(" ", formatting.SPACE)
    return formatting.figures(f"{value:,.0f}") if value >= 1000 else hundredths(value)


@register.filter
def hours_words(span: timedelta) -> str:
    """41.5 hours, 3 days: a sum of stretches of time, to a tenth below two days."""
    hours = span / timedelta(hours=1)
    if hours >= 48 or hours < 1:
        return formatting.duration_words(span)
    return _("%(hours)s hours") % {"hours": formatting.figures(f"{hours:.3g}")}


@register.filter
def energy(kwh: float | None) -> str:
    """312 kWh, 0.041 Wh"""
    return "" if kwh is None else formatting.scaled(kwh * 1000, "Wh", ("", "k", "M", "G"))


@register.filter
def carbon(kg: float | None) -> str:
    """75.0 t, 3.20 kg, 0.018 g"""
    if kg is None:
        return ""
    if kg >= 1000:
        return formatting.scaled(kg / 1000, "t", ("", "k", "M"))
    return formatting.scaled(kg * 1000, "g", ("", "k"))


@register.filter
def hundredths(value: float | Decimal) -> str:
    """1,204.50, 0.00, under 0.01: what is little isn’t nothing."""
    if 0 < value < LEAST_SHOWN:
        return _("under %(least)s") % {"least": formatting.figures(f"{LEAST_SHOWN}")}
    return formatting.figures(f"{value:,.2f}")
