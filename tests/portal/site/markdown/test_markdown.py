"""Cards are others' words: read whole, shown harmless."""

import pytest

from portal.parsing.cards import text_below
from portal.site.markdown.rendering import CardBase, render_markdown

BASE = CardBase("/lab/model/resolve/c/", "/lab/model/picture/c/")


def test_front_matter_is_metadata_not_text():
    assert text_below("---\nlicense: other\n---\n# Title\n") == "# Title\n"


def test_a_rule_further_down_is_not_front_matter():
    assert text_below("One\n\n---\n\nTwo\n") == "One\n\n---\n\nTwo\n"


def test_headings_stand_below_the_pages_own():
    assert render_markdown("# One\n").startswith("<h2 ")
    assert render_markdown("###### Six\n").startswith("<h6 ")


class TestHeadings:
    def test_each_has_a_name_and_links_to_itself(self):
        html = render_markdown("## How to use it?\n", BASE)
        assert '<h3 id="card-how-to-use-it">' in html
        assert 'href="#card-how-to-use-it"' in html

    def test_two_alike_have_two_names(self):
        html = render_markdown("# Use\n\n# Use\n")
        assert 'id="card-use"' in html
        assert 'id="card-use-1"' in html

    def test_links_within_the_card_lead_to_them(self):
        html = render_markdown("[Below](#Known-Limits)\n\n# Known limits\n", BASE)
        assert html.count('href="#card-known-limits"') == 2

    def test_one_with_a_link_keeps_it(self):
        html = render_markdown("# See [the paper](https://example.org/p)\n")
        assert html.count("<a ") == 1
        assert 'id="card-see-the-paper"' in html

    def test_no_name_of_the_pages_own_can_be_taken(self):
        html = render_markdown("# main\n\n<h2 id='files'>x</h2>\n")
        assert 'id="card-main"' in html
        assert 'id="files"' not in html


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
    html = render_markdown("[log](logbook.jsonl)", BASE)
    assert 'href="/lab/model/resolve/c/logbook.jsonl"' in html


def test_tables_and_code_can_be_reached_by_the_keyboard():
    html = render_markdown("| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1\n```\n")
    assert '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>' in html
    assert "<pre " in html
    assert 'tabindex="0"' in html


@pytest.mark.parametrize(
    "picture",
    [
        "![The loss](images/f.png)",
        "![The loss](./images/f.png)",
        '<img src="images/f.png" alt="The loss" onerror="alert(1)">',
        '<p align="center"><img alt="The loss" src="images/../images/f.png?raw=true"></p>',
        "[![The loss](images/f.png)](https://example.org)",
    ],
)
def test_a_picture_of_the_repo_is_shown(picture):
    html = render_markdown(picture, BASE)
    assert 'src="/lab/model/picture/c/images/f.png"' in html
    assert 'alt="The loss"' in html
    assert "onerror" not in html
    without = render_markdown(picture, CardBase(BASE.files))
    assert "<img" not in without
    assert "[Picture: The loss]" in without


@pytest.mark.parametrize(
    "address",
    [
        *("https://evil.example/f.png", "//evil.example/f.png", "data:image/png;base64,AAAA"),
        *("/accounts/logout/f.png", "../../x/f.png", "%2e%2e/f.png", "..%5cf.png", "config.json"),
        *("javascript:alert(1)//f.png", "\\\\evil.example\\f.png", "http://[f.png"),
    ],
)
def test_no_other_picture_is_loaded(address):
    html = render_markdown(f'<img src="{address}" alt="words">', BASE)
    assert "<img" not in html
    assert "[Picture: words]" in html


def test_odd_names_lead_to_their_files():
    html = render_markdown("![a](images/my%20f%23.png) [b](notes%20one.md#top)", BASE)
    assert 'src="/lab/model/picture/c/images/my%20f%23.png"' in html
    assert 'href="/lab/model/resolve/c/notes%20one.md"' in html


def test_boxes_of_a_task_list():
    html = render_markdown("- [ ] train\n- [x] plan\n- [link] none\n\n[x] no list")
    assert "<li>☐ train</li>" in html
    assert "<li>☑ plan</li>" in html
    assert "<p>[x] no list</p>" in html


def test_bare_addresses_are_links():
    html = render_markdown("See https://example.org/a?b=1. `https://code.example` <b>x</b>")
    assert 'href="https://example.org/a?b=1"' in html
    assert ">https://example.org/a?b=1</a>." in html
    assert "<code>https://code.example</code>" in html
    assert render_markdown("[https://a.example](https://b.example)").count("<a ") == 1


def test_footnotes_are_raised():
    html = render_markdown("Trained long[^1].\n\n[^1]: For three weeks.\n")
    assert "Trained long<sup>1</sup>." in html
    assert "<sup>1</sup> For three weeks." in html
