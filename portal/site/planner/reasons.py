"""Say on a page why a model doesn't fit, and what is to know of its plan.

The planner is a library that speaks English; its sentences are known here by their form, and a
sentence of another form stays as it is.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from portal.text.languages import Words

_SENTENCES: tuple[tuple[str, Words], ...] = (
    (
        r"(?P<used>\d+) of (?P<all>\d+) GPUs are used: (?P<layers>\d+) layers and "
        r"(?P<heads>\d+) attention heads can’t be spread over all of them",
        _(
            "%(used)s of %(all)s GPUs are used: %(layers)s layers and %(heads)s attention heads "
            "can’t be spread over all of them"
        ),
    ),
    (
        r"(?P<gpu>.+) has no bfloat16: use float16",
        _("%(gpu)s has no bfloat16: use float16"),
    ),
    (
        r"the fullest GPU’s weights need (?P<size>[\d.]+) GB more than is usable there",
        _("the fullest GPU’s weights need %(size)s GB more than is usable there"),
    ),
    (
        r"the cache would hold (?P<tokens>-?\d+) tokens, fewer than one sequence of (?P<all>\d+)",
        _("the cache would hold %(tokens)s tokens, fewer than one sequence of %(all)s"),
    ),
    (
        r"(?P<size>\d+) attention heads over (?P<ranks>\d+) tensor ranks are uneven: "
        r"(?P<most>\d+) on the fullest, (?P<least>\d+) on others, and the fullest decides memory "
        r"and speed",
        _(
            "%(size)s attention heads over %(ranks)s tensor ranks are uneven: %(most)s on the "
            "fullest, %(least)s on others, and the fullest decides memory and speed"
        ),
    ),
    (
        r"(?P<size>\d+) layers over (?P<ranks>\d+) pipeline ranks are uneven: "
        r"(?P<most>\d+) on the fullest, (?P<least>\d+) on others, and the fullest decides memory "
        r"and speed",
        _(
            "%(size)s layers over %(ranks)s pipeline ranks are uneven: %(most)s on the fullest, "
            "%(least)s on others, and the fullest decides memory and speed"
        ),
    ),
    (r"on paper: this engine runs OPT only", _("on paper: this engine runs OPT only")),
    (
        r"on paper: this engine runs int8 weights on CPUs only",
        _("on paper: this engine runs int8 weights on CPUs only"),
    ),
    (
        r"heads of keys and values are copied to every tensor rank",
        _("heads of keys and values are copied to every tensor rank"),
    ),
)
_FORMS = tuple((re.compile(form), text) for form, text in _SENTENCES)


def in_prose(line: str) -> str:
    """Write a line of the planner's command for a page, in the reader's language."""
    english = line.replace("'", "’").replace(" x ", " × ")
    for form, text in _FORMS:
        if match := form.fullmatch(english):
            return str(text) % match.groupdict()
    return english
