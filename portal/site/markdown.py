"""Markdown that others wrote, as HTML that can do no harm and disturbs no heading of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from portal.parsing.cards import text_below

LOWEST_HEADING = 6
TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "dl", "dt", "em"),
    *("h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s"),
    *("samp", "small", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"),
    *("thead", "tr", "ul", "var"),
}
ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}}
FOCUSABLE = {"class": "cmd", "tabindex": "0"}
SCROLLS = '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>'


class _Renderer(RendererHTML):
    """Pictures from elsewhere aren't loaded; their words stay."""

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        words = tokens[index].content
        return f"<em>[Picture: {escape(words)}]</em>" if words else ""


_parser = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable(
    ["table", "strikethrough"]
)


def _demote(tokens: list[Token]) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(LOWEST_HEADING, int(token.tag[1]) + 1)}"


def render_markdown(text: str, *, relative: Callable[[str], str] | None = None) -> SafeString:
    """``relative`` says where an address without a host leads; without it, nowhere."""
    tokens = _parser.parse(text_below(text))
    _demote(tokens)
    raw = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        raw,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative=relative or "deny",
        link_rel="nofollow noopener noreferrer",
        set_tag_attribute_values={"pre": FOCUSABLE},
        strip_comments=True,
    )
    clean = clean.replace("<table>", SCROLLS).replace("</table>", "</table></div>")
    return mark_safe(clean)  # noqa: S308 (sanitised above)
