"""Pages isolate what somebody is called from their own words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

TEMPLATES = Path(settings.BASE_DIR) / "templates"
NAMES = ("display_name", "organization_name", "typed_name", "entity", "assignee", "organization")
NAME = re.compile(
    r"\{\{ *(?:[\w.]*\.)?(?:" + "|".join(NAMES) + r"|organization\.name) *(\|[^}]*)?\}\}"
)
ELSEWHERE = re.compile(
    r"<(?:option|title)\b.*?</(?:option|title)>|<[a-zA-Z/!][^<>]*>"
    r"|\{% block title %\}.*?\{% endblock %\}",
    re.DOTALL,
)


SENTENCE = re.compile(r"\{% blocktranslate ([^%]*)%\}(.*?)\{% endblocktranslate %\}", re.DOTALL)


def with_its_names(sentence: re.Match[str]) -> str:
    """Return a sentence to translate, without what its tag has bound as a name."""
    bound = "|".join(re.findall(r"(\w+)=\S*\|(?:named|isolated)\b", sentence[1]))
    return re.sub(rf"\{{\{{ (?:{bound}) \}}\}}", "", sentence[2]) if bound else sentence[2]


def bare_names(text: str) -> list[str]:
    """List the names printed bare in a page's text. Attributes and titles hold no element."""
    text = SENTENCE.sub(with_its_names, text)
    flat = re.sub(r"\{%(?! *(?:end)?block).*?%\}", "", text)
    printed = NAME.finditer(ELSEWHERE.sub("", flat))
    return [match[0] for match in printed if not (match[1] or "").endswith("|named ")]


def test_each_name_is_printed_as_one() -> None:
    bare = {
        str(page.relative_to(TEMPLATES)): names
        for page in TEMPLATES.rglob("*.html")
        if page.parts[-2] != "email" and (names := bare_names(page.read_text()))
    }
    assert bare == {}


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("{{ name|named }}, asked", "<bdi>ليلى &lt;b&gt;</bdi>, asked"),
        ('<p title="{{ name|isolated }}">', '<p title="\u2068ليلى &lt;b&gt;\u2069">'),
        ("{{ text|typed }}", '<bdi class="lines" lang="">one<br>&lt;two&gt;</bdi>'),
        ("{{ latin|isolated }}{{ nobody|named }}", "Zoë"),
    ],
)
def test_it_is_set_apart_and_escaped(source: str, page: str) -> None:
    context = {"name": "ليلى <b>", "text": "one\n<two>", "latin": "Zoë", "nobody": ""}
    assert Template(source).render(Context(context)) == page
