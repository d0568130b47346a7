"""Cards are others' words: read whole, shown harmless."""

import pytest

from portal.parsing.cards import text_below
from portal.site.markdown import render_markdown


def test_front_matter_is_metadata_not_text():
    assert text_below("---\nlicense: other\n---\n# Title\n") == "# Title\n"


def test_a_rule_further_down_is_not_front_matter():
    assert text_below("One\n\n---\n\nTwo\n") == "One\n\n---\n\nTwo\n"


def test_headings_stand_below_the_pages_own():
    assert "<h2>One</h2>" in render_markdown("# One\n")
    assert "<h6>Six</h6>" in render_markdown("###### Six\n")


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[here](javascript:alert(1))",
        '<a href="data:text/html,x">here</a>',
        '<p style="position:fixed" id="main" class="btn">here</p>',
        '<form action="/accounts/logout"><input name="x"></form>',
        "<svg onload=alert(1)></svg>",
        '<iframe src="https://evil.example"></iframe>',
    ],
)
def test_nothing_in_it_acts(attack):
    html = render_markdown(f"Before.\n\n{attack}\n\nAfter.\n")
    for part in (
        "<script",
        "onerror",
        'href="javascript',
        'href="data',
        "style=",
        "id=",
        "<form",
        "<input",
    ):
        assert part not in html
    for part in ("<svg", "<iframe", 'class="btn"', "alert(1)</script"):
        assert part not in html
    assert "After." in html


def test_a_picture_becomes_its_words():
    assert "[Picture: The &lt;loss&gt;]" in render_markdown(
        "![The <loss>](https://evil.example/x.png)"
    )


def test_relative_addresses_lead_where_they_are_told():
    html = render_markdown("[log](logbook.jsonl)", relative=lambda path: f"/lab/model/{path}")
    assert 'href="/lab/model/logbook.jsonl"' in html


def test_tables_and_code_can_be_reached_by_the_keyboard():
    html = render_markdown("| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1\n```\n")
    assert '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>' in html
    assert "<pre " in html
    assert 'tabindex="0"' in html
