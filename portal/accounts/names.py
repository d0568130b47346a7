"""Rules for names of people and labs, which share one space of names with the site's pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from django.core.exceptions import ValidationError
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import gettext

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")

NEW = "new"  # the page of a new lab stands beside those of the labs: /labs/new
STATIC = "static"  # where style sheets and scripts are
MISLEADING = frozenset({"admin"})  # people may be called so; a lab would pass for the operators'


def validate_name(value: str) -> None:
    """Raise ValidationError unless a name fits the Hub's rule for ``namespace/name``."""
    if not NAME.fullmatch(value) or "--" in value or ".." in value or value.endswith(".git"):
        raise ValidationError(
            gettext(
                "Use 1 to 96 letters (a–z, A–Z), digits, dots, hyphens or underscores, "
                "beginning with a letter or digit, and not ending with a dot or hyphen, or with "
                "“.git”; without “--” or “..”."
            )
        )


def validate_namespace(value: str) -> None:
    """Raise ValidationError for a name that is the address of a page of this site."""
    validate_name(value)
    if value.lower() in reserved_words() | {NEW, STATIC}:
        raise ValidationError(
            gettext("“%(value)s” is a page of this site. Choose another name.") % {"value": value}
        )


def validate_lab_name(value: str) -> None:
    """Raise ValidationError for a name that no lab may have, a page's among them."""
    validate_namespace(value)
    if value.lower() in MISLEADING:
        raise ValidationError(
            gettext("No lab is called “%(value)s”. Choose another name.") % {"value": value}
        )


@cache
def reserved_words() -> frozenset[str]:
    """Return the first segments of all addresses that the site itself answers, in lower case."""
    return frozenset(_first_segments("", get_resolver().url_patterns))


def _first_segments(prefix: str, patterns: Iterable[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern).lstrip("^")
        segment, slash, _ = path.partition("/")
        if isinstance(pattern, URLResolver) and not slash:
            yield from _first_segments(path, pattern.url_patterns)
        elif segment and not segment.startswith("<"):
            yield segment.rstrip("$").lower()
