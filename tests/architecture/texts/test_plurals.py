"""A number on a page or in a letter is followed by the right form of its noun, for one as well."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.sources import text_of

TEMPLATES = Path(__file__).parents[3] / "templates"
NOUNS = (
    *("days", "downloads", "entries", "events", "files", "grants", "hours", "jobs", "letters"),
    *("members", "minutes", "models", "months", "names", "people", "places", "reports", "requests"),
    *("revisions", "settings", "texts", "times", "tokens", "votes", "weeks", "words"),
)
COUNTED = re.compile(r"\{\{ ([\w.|:']+) \}\} (" + "|".join(NOUNS) + r")\b")
# A translated sentence with a form for one: the forms for others after ``plural`` are no matter.
OTHER_FORMS = re.compile(r"{% plural %}.*?{% endblocktranslate %}", re.DOTALL)
# These are never one: constants of the code, or written only where there are more.
NEVER_ONE = {
    "boxes",
    "charted",  # days of a chart
    "days",  # that the links of letters work
    "few",  # requests below which a cell is withheld
    "grants",
    "changes",  # of an entry of the logbook, where they are folded
    "choice_count",
    "context",  # of a model, in tokens
    "context_length",
    "count",  # of the words of a licence
    "machine_hours",  # of a month
    "person_hours",  # an entry’s number, which may have a fraction
    "quorum",
}


def test_no_noun_is_always_in_the_plural():
    plurals = [
        f"{path.relative_to(TEMPLATES)}: {match[0]}"
        for path in sorted(TEMPLATES.rglob("*.*"))
        if path.suffix in (".html", ".txt")
        for match in COUNTED.finditer(OTHER_FORMS.sub("", text_of(path)))
        if match[1] not in NEVER_ONE
    ]
    assert plurals == []
