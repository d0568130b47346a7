"""A card costs a moment once, whoever wrote it and however often it is looked at."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from portal.site.markdown import cards
from portal.site.markdown.cards import SHOWN_BYTES, look_at_card, shortened
from portal.site.markdown.rendering import CardBase, render_markdown
from tests.cpu import cpu_seconds
from tests.factories.catalog import make_folder, make_repo, make_revision

BASE = CardBase("/lab/model/resolve/c/", "/lab/model/picture/c/")
N = SHOWN_BYTES
HOSTILE = {
    "emphasis": "_*" * (N // 2),
    "lines": "---\n" + "a\n" * 400_000,
    "brackets": "[" * N,
    "pictures": "![" * (N // 2),
    "links": "[a](" * (N // 4),
    "references": "[a][" * (N // 4),
    "definitions": "[x]: /a\n" * (N // 8),
    "headings": "# a\n" * (N // 4),
    "quotes": ">" * N,
    "backticks": "`a``b```" * (N // 8),
    "entities": "&#x" * (N // 3),
    "comments": "<!-- " * (N // 5),
    "a wide table": "|a" * (N // 8) + "\n" + "|-" * (N // 8) + "\n" + "|\n" * (N // 4),
    "tags": "<p>x" * (N // 4),
    "nested lists": "<ul>x" * (N // 5),
    "nested tables": "<table><tr><td>" * (N // 15),
    "emphasis that is opened anew in each paragraph": "".join(
        f"<b id={number}>" for number in range(N // 30)
    )
    + "x\n\n" * (N // 6),
    "the same within a block": "<div>" + "<b><i><em><s><small>" * 9 + "<p>x" * (N // 5),
    "a long tag": "<a " + "b" * (N - 10) + ">",
    "many attributes": "<a " + "b " * (N // 2 - 10) + ">",
    "open attributes": '<a x="' * (N // 6),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_worst_card_takes_a_moment(text):
    rendered = []
    assert cpu_seconds(lambda: rendered.append(render_markdown(shortened(text), BASE))) < 2
    assert len(rendered[0]) < 2_000_000


def test_a_long_card_is_cut_at_the_end_of_a_line():
    text = "A line of words.\n" * 20_000
    assert text.startswith(shortened(text))
    assert shortened(text).endswith("words.\n")
    assert SHOWN_BYTES - 100 < len(shortened(text)) <= SHOWN_BYTES
    assert shortened("é" * SHOWN_BYTES) == "é" * (SHOWN_BYTES // 2)
    assert shortened("Short.") == "Short."


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<b>bold</b> and <i>more", "<b>bold</b> and <i>more</i>"),
        ("<b id=x>one\n\ntwo", "<p><b>one</b></p>\n<p>two</p>"),
        ("<p>one\n<p>two", "<p>one\n</p><p>two</p>"),
        ("<details>\n<summary>More</summary>\n\n*text*\n\n</details>", "<p><em>text</em></p>"),
        ("<ul><li>one<li>two</ul>", "<ul><li>one</li><li>two</li></ul>"),
        ("a < b <c>d</c>", "a &lt; b d"),
        ("<!-- a --> b <!-- c", "b "),
        ('<a href="x.md" onclick=y>x</a>', 'href="/lab/model/resolve/c/x.md"'),
        ("<script>alert(1)</script>\n\nAfter.", "<p>After.</p>"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "<td>3</td>"),
    ],
)
def test_honest_html_is_shown_as_it_was_meant(html, shown):
    assert shown in render_markdown(html, BASE)


@pytest.fixture
def revision(db, tmp_path):
    cache.clear()
    repo = make_repo()
    folder = make_folder(tmp_path / "in", **{"README.md": "---\nlicense: other\n---\n# One"})
    return make_revision(repo, folder)


def test_it_is_rendered_once_for_each_base(revision, monkeypatch):
    times = []

    def counted(text, base):
        times.append(base)
        return render_markdown(text, base)

    monkeypatch.setattr(cards, "render_markdown", counted)
    for base in (BASE, BASE, CardBase(BASE.files), BASE):
        assert ">One</a></h2>" in look_at_card(revision, base).html
    assert times == [BASE, CardBase(BASE.files)]


def test_without_redis_it_is_rendered_anew(revision, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert ">One</a></h2>" in look_at_card(revision, BASE).html


def test_what_is_cut_leads_to_the_whole_file(client, db, tmp_path):
    repo = make_repo()
    folder = make_folder(
        tmp_path / "in", **{"README.md": "---\nlicense: other\n---\n" + "Words.\n" * 60_000}
    )
    revision = make_revision(repo, folder)
    page = client.get(f"/{repo.full_name}").text
    assert "only its beginning is shown" in page
    assert f"/{repo.full_name}/resolve/{revision.commit}/README.md" in page
